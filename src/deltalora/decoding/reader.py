"""A language model as a beam search reads it: every prompt once, then one token more for every hypothesis.

The keys and values of a prompt are computed once and shared by its hypotheses, whose queries attend to them in one
product; only the generated tokens' keys and values belong to a hypothesis and are re-ordered with it. For an
encoder-decoder model the shared part is the encoder's, through cross-attention. transformers' `generate` repeats both
for every beam. Works for every model that takes its attention from transformers' `AttentionInterface`: the cache hands
the two parts to `_attention` in place of tensors, and the network itself is unchanged.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AttentionInterface, DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from deltalora.tasks.batch import mask, pad

_ATTENTION = "deltalora_shared_prompts"


class _Parts(NamedTuple):
    """Keys or values of one layer: of prompts (prompts, heads, P, d), of generated tokens (rows, heads, T, d)."""

    shared: Tensor | None
    own: Tensor | None


class BeamReader:
    """The logits of the next token of every hypothesis of a batch of prompts.

    Rows are hypotheses, those of one prompt together and equally many for each prompt: one before the first token,
    later as many as `read` is given. To be used within `reading`.

    Args:
        model: A causal or encoder-decoder language model in evaluation mode; logits keep its precision.
        prompts: Token ids, of any lengths: contexts, or the encoder's whole inputs.
        pad_id: Fills the prompts to one length; no score sees it.
    """

    def __init__(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], pad_id: int) -> None:
        self._model: Any = model
        self._encodes = bool(model.config.is_encoder_decoder)
        left = (
            not self._encodes
        )  # a decoder's next token follows the prompt, an encoder counts positions from the first
        self._ids = pad(prompts, pad_id, left=left).to(model.device)
        self._mask = mask(prompts, left=left).to(model.device)
        self._lengths = self._mask.sum(1)
        self._bias = (1.0 - self._mask[:, None, None].to(model.dtype)) * torch.finfo(model.dtype).min
        self._own, self._shared = _OwnCache(), _SharedCache()

    def read_prompts(self) -> Tensor:
        """Return the logits of the first generated token, (prompts, vocabulary)."""
        if self._encodes:
            encoder = self._model.get_encoder()
            self._encoded = encoder(input_ids=self._ids, attention_mask=self._mask).last_hidden_state
            start = torch.full_like(self._ids[:, :1], self._model.config.decoder_start_token_id)
            return self._decode(start)
        prompt_cache = DynamicCache(config=self._model.config)
        logits: Tensor = self._model(
            input_ids=self._ids,
            attention_mask=self._mask,
            position_ids=(self._mask.cumsum(1) - 1).clamp(min=0),
            past_key_values=prompt_cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        layers: Any = prompt_cache.layers
        self._own.prompts = [(layer.keys, layer.values) for layer in layers]
        return logits

    def read(self, origin: Tensor, tokens: Tensor) -> Tensor:
        """Return the logits after one more token, (rows, vocabulary).

        Args:
            origin: (rows,), the row of the last call that each row continues; of the prompts kept since then only.
            tokens: (rows, 1), the token that each row continues with.
        """
        self._own.origin = origin
        if self._encodes:
            return self._decode(tokens)
        per_prompt = len(tokens) // len(self._lengths)
        positions = (self._lengths + self._own.length).repeat_interleave(per_prompt).unsqueeze(1)
        logits: Tensor = self._model(
            input_ids=tokens,
            attention_mask=self._bias,
            position_ids=positions,
            past_key_values=self._own,
            use_cache=True,
        ).logits[:, -1]
        return logits

    def keep(self, prompts: Tensor) -> None:
        """Go on with these prompts alone; `read` is next given an origin for their rows only."""
        self._lengths, self._bias = self._lengths[prompts], self._bias[prompts]
        self._own.prompts = [(keys[prompts], values[prompts]) for keys, values in self._own.prompts]
        if self._encodes:
            self._encoded = self._encoded[prompts]
            self._shared.keep(prompts)

    def _decode(self, tokens: Tensor) -> Tensor:
        """Run the decoder over one token per row; its cross-attention reads each prompt's encoding once."""
        cache = _CrossCache(self._own, self._shared)
        logits: Tensor = self._model(
            encoder_outputs=(self._encoded,),
            attention_mask=self._bias,
            decoder_input_ids=tokens,
            decoder_attention_mask=self._bias.new_zeros(1, 1, 1, 1),
            past_key_values=cache,
            use_cache=True,
        ).logits[:, -1]
        return logits


@contextmanager
def reading(model: PreTrainedModel) -> Iterator[None]:
    """Let a model attend to shared prompts; its own attention is put back afterwards."""
    before = model.config._attn_implementation
    model.set_attn_implementation(_ATTENTION)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


class _OwnCache(DynamicCache):
    """Keys and values of generated tokens, re-ordered as they grow, beside those of the prompts."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[tuple[Tensor, Tensor]] = []
        self.origin: Tensor | None = None
        self._grown: list[tuple[Tensor, Tensor]] = []

    @property
    def length(self) -> int:
        """Tokens read since the prompt."""
        return int(self._grown[0][0].shape[2]) if self._grown else 0

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.length

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any) -> Any:
        """Append a token's keys and values to those of the rows that it continues."""
        new = (key_states, value_states)
        if layer_idx == len(self._grown):
            self._grown.append(new)
        else:
            grown = self._grown[layer_idx]
            self._grown[layer_idx] = tuple(  # type: ignore[assignment]
                torch.cat((old.index_select(0, self.origin), one), dim=2)  # type: ignore[arg-type]
                for old, one in zip(grown, new, strict=True)
            )
        shared = self.prompts[layer_idx] if self.prompts else (None, None)
        return tuple(_Parts(*parts) for parts in zip(shared, self._grown[layer_idx], strict=True))


class _SharedCache(DynamicCache):
    """Keys and values of the encoder's output, one row per prompt."""

    layers: list[Any]

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any) -> Any:
        """Keep them as they are."""
        self.layers.append(_Layer(_Parts(key_states, None), _Parts(value_states, None)))
        return self.layers[layer_idx]

    def keep(self, prompts: Tensor) -> None:
        self.layers = [_Layer(*(_Parts(part.shared[prompts], None) for part in layer)) for layer in self.layers]


class _Layer(NamedTuple):
    keys: _Parts
    values: _Parts


class _CrossCache(EncoderDecoderCache):
    """Both caches of a decoder, as transformers' attention modules ask for them."""

    def __init__(self, own: _OwnCache, shared: _SharedCache) -> None:
        self.self_attention_cache, self.cross_attention_cache = own, shared
        self.is_updated = dict.fromkeys(range(len(shared.layers)), True)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.self_attention_cache.get_seq_length(layer_idx)


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor | _Parts,
    value: Tensor | _Parts,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend with queries (rows, heads, 1, d) to a prompt's keys, shared by its rows, and to each row's own.

        softmax(scaling · [q K_sharedᵀ + mask, q K_ownᵀ]) [V_shared; V_own]

    Whole prompts, whose keys are tensors, go through transformers' `sdpa`. Returns (rows, 1, heads, d).
    """
    if isinstance(key, Tensor):
        plain: Any = sdpa_attention_forward  # untyped upstream
        attended: Tensor = plain(module, query, key, value, attention_mask, scaling=scaling, **kwargs)[0]
        return attended, None
    assert isinstance(value, _Parts)
    rows, heads, _, width = query.shape
    query = query * (width**-0.5 if scaling is None else scaling)
    some = key.shared if key.shared is not None else key.own
    assert some is not None
    kv_heads = some.shape[1]
    prompts = rows if key.shared is None else len(key.shared)
    per_prompt, groups = rows // prompts, heads // kv_heads  # groups > 1: several query heads share a key's (LLaMA)

    def of_prompts(
        rowwise: Tensor,
    ) -> Tensor:  # (rows, kv heads, groups, n) -> (prompts, kv heads, rows of it · groups, n)
        split = rowwise.view(prompts, per_prompt, kv_heads, groups, -1)
        return split.transpose(1, 2).reshape(prompts, kv_heads, per_prompt * groups, -1)

    def of_rows(together: Tensor) -> Tensor:  # back again
        split = together.view(prompts, kv_heads, per_prompt, groups, -1).transpose(1, 2)
        return split.reshape(rows, kv_heads, groups, -1)

    query = query.view(rows, kv_heads, groups, width)
    scores, cut = [], 0
    if key.shared is not None:
        onto_prompt = of_prompts(query) @ key.shared.mT
        scores.append(onto_prompt if attention_mask is None else onto_prompt + attention_mask)
        cut = key.shared.shape[2]
    if key.own is not None:
        scores.append(of_prompts(query @ key.own.mT))
    weights = (
        torch.cat(scores, dim=-1).softmax(-1, dtype=torch.promote_types(query.dtype, torch.float32)).to(query.dtype)
    )
    attended = query.new_zeros(())
    if value.shared is not None:
        attended = of_rows(weights[..., :cut] @ value.shared)
    if value.own is not None:
        attended = attended + of_rows(weights[..., cut:]) @ value.own
    return attended.reshape(rows, 1, heads, width), None


AttentionInterface.register(_ATTENTION, _attention)
AttentionMaskInterface.register(_ATTENTION, sdpa_mask)

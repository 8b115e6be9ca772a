"""Sequences of a causal model: where the loss is, what is cut, how a batch is padded, and the hash over it all."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from deltalora.tasks import IGNORED, TaskData
from deltalora.tasks.batch import tokenised_sha256
from deltalora.tasks.e2e import in_form
from deltalora.tasks.examples import Pair
from deltalora.tasks.forms import EncodedPair, collate_pairs, encode_pairs, encode_prompt

CONTEXT = "name : Aromi | area : riverside"
COMPLETION = "Aromi is by the river."
PAIR = Pair("train/00000", CONTEXT, COMPLETION)

SEQUENCES = st.lists(st.lists(st.integers(0, 50_000), max_size=6), min_size=1, max_size=4)


def test_an_example_is_context_separator_completion_end(tokenizer: PreTrainedTokenizerBase) -> None:
    eos = tokenizer.eos_token_id
    (pair,) = encode_pairs(tokenizer, [PAIR], 256)
    context, completion = pair.input_ids[: pair.completion_start], pair.input_ids[pair.completion_start :]
    assert (context[-1], completion[-1]) == (eos, eos)
    assert pair.input_ids.count(eos) == 2
    assert tokenizer.decode(context[:-1]) == CONTEXT
    assert tokenizer.decode(completion[:-1]) == f" {COMPLETION}"


def test_a_prompt_is_the_beginning_of_its_example(tokenizer: PreTrainedTokenizerBase) -> None:
    (pair,) = encode_pairs(tokenizer, [PAIR], 256)
    assert encode_prompt(tokenizer, CONTEXT, 256) == pair.input_ids[: pair.completion_start]


def test_many_examples_are_encoded_as_one_by_one(tokenizer: PreTrainedTokenizerBase) -> None:
    pairs = [PAIR, Pair("train/00001", "name : X", "X. "), Pair("train/00002", "near : Café Adriatic", "£20-25")]
    assert encode_pairs(tokenizer, pairs, 20) == [encode_pairs(tokenizer, [pair], 20)[0] for pair in pairs]
    assert encode_pairs(tokenizer, [], 20) == []


@pytest.mark.parametrize("length", [1, 3, 12, 20])
def test_a_long_example_is_cut_on_the_right(tokenizer: PreTrainedTokenizerBase, length: int) -> None:
    whole, cut = (encode_pairs(tokenizer, [PAIR], limit)[0] for limit in (256, length))
    assert cut.input_ids == whole.input_ids[:length]
    assert cut.completion_start == min(whole.completion_start, length)


def test_a_long_prompt_keeps_its_end_and_its_separator(tokenizer: PreTrainedTokenizerBase) -> None:
    whole = encode_prompt(tokenizer, CONTEXT, 256)
    cut = encode_prompt(tokenizer, CONTEXT, 5)
    assert len(cut) == 5
    assert cut == whole[-5:]


def test_the_loss_is_on_completion_and_end_alone() -> None:
    batch = collate_pairs([EncodedPair((7, 8, 0, 9, 5, 0), 3), EncodedPair((7, 0, 9, 0), 2)], pad_id=0)
    assert batch.input_ids.tolist() == [[7, 8, 0, 9, 5, 0], [7, 0, 9, 0, 0, 0]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]
    assert batch.labels.tolist() == [
        [IGNORED, IGNORED, IGNORED, 9, 5, 0],
        [IGNORED, IGNORED, 9, 0, IGNORED, IGNORED],
    ]
    assert {batch.input_ids.dtype, batch.attention_mask.dtype, batch.labels.dtype} == {torch.int64}


def test_an_example_cut_before_its_completion_bears_no_loss() -> None:
    batch = collate_pairs([EncodedPair((7, 8, 9), 3), EncodedPair((7, 0, 9, 0), 2)], pad_id=0)
    assert (batch.labels[0] == IGNORED).all()


@pytest.mark.property
@given(
    pairs=st.lists(
        st.lists(st.integers(1, 99), min_size=1, max_size=9).flatmap(
            lambda ids: st.builds(EncodedPair, st.just(tuple(ids)), st.integers(0, len(ids)))
        ),
        min_size=1,
        max_size=5,
    ),
    pad_id=st.integers(0, 3),
)
def test_a_batch_gives_every_example_back(pairs: list[EncodedPair], pad_id: int) -> None:
    batch = collate_pairs(pairs, pad_id)
    longest = max(len(pair.input_ids) for pair in pairs)
    assert batch.input_ids.shape == batch.attention_mask.shape == batch.labels.shape == (len(pairs), longest)
    for row, pair in enumerate(pairs):
        length = len(pair.input_ids)
        assert int(batch.attention_mask[row].sum()) == length
        assert batch.input_ids[row, :length].tolist() == list(pair.input_ids)
        assert (batch.input_ids[row, length:] == pad_id).all()
        borne = batch.labels[row] != IGNORED
        assert batch.labels[row][borne].tolist() == list(pair.input_ids[pair.completion_start :])


@pytest.mark.property
@given(sequences=SEQUENCES, data=st.data())
def test_any_other_token_changes_the_hash(sequences: list[list[int]], data: st.DataObject) -> None:
    before = tokenised_sha256(sequences)
    assert tokenised_sha256([tuple(ids) for ids in sequences]) == before
    filled = [row for row, ids in enumerate(sequences) if ids]
    if filled:
        row = data.draw(st.sampled_from(filled))
        place = data.draw(st.integers(0, len(sequences[row]) - 1))
        changed = [list(ids) for ids in sequences]
        changed[row][place] += 1
        assert tokenised_sha256(changed) != before


@pytest.mark.parametrize(
    "other",
    [[[1, 2], [3]], [[1], [2, 3, 4]], [[1, 2, 3, 4]], [[3, 4], [1, 2]], [[1, 2], [3, 4], []]],
)
def test_the_hash_tells_order_and_borders_apart(other: list[list[int]]) -> None:
    assert tokenised_sha256(other) != tokenised_sha256([[1, 2], [3, 4]])


@pytest.mark.real_data
def test_the_tiny_tokenizer_writes_every_real_text_without_loss(
    tokenizer: PreTrainedTokenizerFast, official_raw: TaskData
) -> None:
    pairs = [*official_raw.train, *official_raw.validation]
    references = {text for prompt in official_raw.test for text in prompt.references}
    texts = sorted({pair.completion for pair in pairs} | {pair.context for pair in pairs} | references)
    assert len(texts) > 50_000
    backend = tokenizer.backend_tokenizer  # all texts at once; the wrapper would take three times as long
    decoded = backend.decode_batch([encoding.ids for encoding in backend.encode_batch(texts)])
    assert [pair for pair in zip(texts, decoded, strict=True) if pair[0] != pair[1]] == []
    spaced = [in_form(text, "tokenized") for text in texts[::10]]
    assert [tokenizer.decode(tokenizer(text)["input_ids"]) for text in spaced[::10]] == spaced[::10]


@pytest.mark.real_data
def test_every_real_example_fits_the_tiny_backbones_positions(
    tokenizer: PreTrainedTokenizerBase, official_tokenized: TaskData
) -> None:
    """The spaced form is the longer one; prompts leave room for the 64 tokens that decoding adds."""
    pairs = [*official_tokenized.train, *official_tokenized.validation]
    longest = sorted(pairs, key=lambda pair: -len(pair.context) - len(pair.completion))[:500]
    lengths = [len(pair.input_ids) for pair in encode_pairs(tokenizer, longest, 10_000)]
    assert 100 < max(lengths) <= 256
    prompts = [len(encode_prompt(tokenizer, prompt.context, 10_000)) for prompt in official_tokenized.test]
    assert max(prompts) + 64 <= 256

"""Where the loss is: on completion and end, each once, predicted from what stands before it; through the real tasks.

The expected values are computed by hand, one example and one token at a time, without padding, in float64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from deltalora import models
from deltalora.config import RunConfig, run_config
from deltalora.tasks import IGNORED, Batch, Encoded, Task, TaskData, build_task
from deltalora.tasks.forms import EncodedPair, collate_pairs
from deltalora.training.objective import OBJECTIVES, CausalObjective, Objective
from deltalora.training.prepare import pad_id
from deltalora.training.run_id import identify_run

pytestmark = pytest.mark.invariant

#: Relative, of a loss in float64; what was measured is 4e-16 at most.
TOLERANCE = 1e-13
TEXT_TASKS = ["e2e", "webnlg", "xsum"]


@dataclass(frozen=True)
class Setting:
    """A task of the embedded corpus with the shipped backbone, in float64 and without dropout."""

    config: RunConfig
    task: Task
    data: TaskData[Any, Any]
    encoded: Encoded
    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    objective: Objective
    pad: int

    def some(self, count: int = 5) -> tuple[Sequence[Any], Sequence[Any]]:
        """Training examples of very unequal length: as text, and as token ids."""
        by_length = sorted(range(len(self.data.train)), key=lambda index: len(self.encoded.train[index].input_ids))
        chosen = by_length[:: len(by_length) // (count - 1)][:count]
        return [self.data.train[index] for index in chosen], [self.encoded.train[index] for index in chosen]


@pytest.fixture(scope="module")
def setting() -> Callable[[str], Setting]:
    made: dict[str, Setting] = {}

    def make(experiment: str) -> Setting:
        if experiment not in made:
            small = ["task.limits.train=200", "task.limits.validation=8", "task.limits.test=4"]
            config = run_config([f"experiment={experiment}", "runtime.device=cpu", *small])
            identity = identify_run(config)
            task = build_task(config)
            tokenizer = models.load_tokenizer(config.model, identity.model)
            model = models.load_backbone(config.model, identity.model, 1, task.num_labels).double().eval()
            objective = OBJECTIVES[task.form](model).eval()
            encoded = task.encode(tokenizer, identity.data)
            made[experiment] = Setting(
                config, task, identity.data, encoded, tokenizer, model, objective, pad_id(tokenizer)
            )
        return made[experiment]

    return make


def nll(logits: torch.Tensor, token: int) -> float:
    return float(torch.logsumexp(logits, 0) - logits[token])


def causal_by_hand(here: Setting, context: str, completion: str) -> tuple[float, int]:
    """Context and separator are read; the completion behind a blank, and the end, are predicted."""
    end = here.tokenizer.eos_token_id
    read = [*here.tokenizer(context, add_special_tokens=False)["input_ids"], end]
    predicted = [*here.tokenizer(f" {completion}", add_special_tokens=False)["input_ids"], end]
    logits = here.model(input_ids=torch.tensor([[*read, *predicted]])).logits[0]
    return sum(nll(logits[len(read) + place - 1], token) for place, token in enumerate(predicted)), len(predicted)


def seq2seq_by_hand(here: Setting, context: str, completion: str) -> tuple[float, int]:
    """The decoder reads its start token and the target up to where it is; the target's own two borders count."""
    lengths = here.config.task
    source = here.tokenizer(context, truncation=True, max_length=lengths.max_source_length)["input_ids"]
    target = here.tokenizer(completion, truncation=True, max_length=lengths.max_target_length)["input_ids"]
    start = here.model.config.decoder_start_token_id
    total = 0.0
    for place, token in enumerate(target):
        read = torch.tensor([[start, *target[:place]]])
        total += nll(here.model(input_ids=torch.tensor([source]), decoder_input_ids=read).logits[0, -1], token)
    return total, len(target)


@pytest.mark.parametrize("experiment", TEXT_TASKS)
@torch.no_grad()
def test_the_loss_of_a_padded_batch_is_the_sum_over_completions_and_ends_computed_by_hand(
    setting: Callable[[str], Setting], experiment: str
) -> None:
    here = setting(experiment)
    by_hand = seq2seq_by_hand if experiment == "xsum" else causal_by_hand
    texts, examples = here.some()
    batch = here.encoded.collate(examples, here.pad)
    assert (batch.attention_mask == 0).any(), "short rows are padded"
    expected, tokens = zip(*(by_hand(here, pair.context, pair.completion) for pair in texts), strict=True)
    assert here.objective.labels(batch) == sum(tokens)
    assert float(here.objective(batch)) == pytest.approx(sum(expected), rel=TOLERANCE)


@pytest.mark.parametrize("experiment", TEXT_TASKS)
def test_the_tokens_that_bear_a_loss_are_the_completion_and_its_end_and_nothing_of_the_prompt(
    setting: Callable[[str], Setting], experiment: str
) -> None:
    here = setting(experiment)
    tokenizer, end = here.tokenizer, here.tokenizer.eos_token_id
    for pair, example in zip(here.data.train, here.encoded.train, strict=True):
        (labels,) = here.encoded.collate([example], here.pad).labels.tolist()
        bearing = [label for label in labels if label != IGNORED]
        if experiment == "xsum":
            assert (bearing[0], bearing[-1]) == (tokenizer.bos_token_id, end)
            assert tokenizer.decode(bearing[1:-1]).removeprefix(" ") == pair.completion  # this tokenizer adds the blank
        else:
            assert tokenizer.decode(bearing) == f" {pair.completion}{tokenizer.eos_token}"
            prompt = example.input_ids[: labels.count(IGNORED)]
            assert tokenizer.decode(prompt) == f"{pair.context}{tokenizer.eos_token}"


def places_with_a_gradient(here: Setting, batch: Batch) -> list[list[int]]:
    """By row, the places whose last hidden state the loss depends on directly."""
    kept: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, inputs: object, output: Any) -> None:
        output.last_hidden_state.retain_grad()
        kept.append(output.last_hidden_state)

    handle = here.model.base_model.register_forward_hook(keep)
    here.objective(batch).backward()
    handle.remove()
    here.model.zero_grad()
    (hidden,) = kept
    return [row.nonzero().squeeze(-1).tolist() for row in hidden.grad.abs().sum(-1)]


@pytest.mark.parametrize("experiment", ["e2e", "webnlg"])
def test_a_causal_gradient_starts_at_the_separator_and_ends_one_before_the_end(
    setting: Callable[[str], Setting], experiment: str
) -> None:
    """One place to the left of what is predicted: one shift, neither none nor two."""
    here = setting(experiment)
    texts, examples = here.some()
    expected = []
    for pair, example in zip(texts, examples, strict=True):
        separator = len(here.tokenizer(pair.context, add_special_tokens=False)["input_ids"])
        expected.append(list(range(separator, len(example.input_ids) - 1)))
    assert places_with_a_gradient(here, here.encoded.collate(examples, here.pad)) == expected


def test_a_seq2seq_gradient_is_at_every_target_token_and_the_decoder_reads_one_behind(
    setting: Callable[[str], Setting],
) -> None:
    here = setting("xsum")
    _, examples = here.some()
    batch = here.encoded.collate(examples, here.pad)
    read: list[torch.Tensor] = []
    handle = here.model.base_model.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(kwargs["decoder_input_ids"]), with_kwargs=True
    )
    assert places_with_a_gradient(here, batch) == [list(range(len(example.target_ids))) for example in examples]
    handle.remove()
    width = max(len(example.target_ids) for example in examples)
    start, padding = here.model.config.decoder_start_token_id, here.model.config.pad_token_id
    expected = [[start, *example.target_ids, *[padding] * width][:width] for example in examples]
    for row, example in zip(expected, examples, strict=True):
        if len(example.target_ids) < width:  # behind a row's last label the end is read and nothing predicted from it
            assert row[len(example.target_ids)] == here.tokenizer.eos_token_id
    assert read[0].tolist() == expected


@pytest.mark.parametrize("experiment", TEXT_TASKS)
@torch.no_grad()
def test_neither_the_width_of_the_padding_nor_its_token_moves_the_loss(
    setting: Callable[[str], Setting], experiment: str
) -> None:
    here = setting(experiment)
    _, examples = here.some()
    expected = float(here.objective(here.encoded.collate(examples, here.pad)))
    alone = [float(here.objective(here.encoded.collate([one], here.pad))) for one in examples]
    assert sum(alone) == pytest.approx(expected, rel=TOLERANCE)
    other = here.encoded.collate(examples, here.pad + 5)
    assert (other.input_ids != here.encoded.collate(examples, here.pad).input_ids).any()
    assert float(here.objective(other)) == pytest.approx(expected, rel=TOLERANCE)


@torch.no_grad()
def test_moving_the_border_or_dropping_the_end_changes_the_loss_by_exactly_those_tokens(
    setting: Callable[[str], Setting],
) -> None:
    """So that a border off by one cannot hide."""
    here = setting("e2e")
    _, (example, *_) = here.some()
    logits = here.model(input_ids=torch.tensor([example.input_ids])).logits[0]
    start, ids = example.completion_start, example.input_ids

    def loss(pair: EncodedPair) -> float:
        return float(here.objective(collate_pairs([pair], here.pad)))

    whole = loss(example)
    earlier = loss(replace(example, completion_start=start - 1))
    assert earlier - whole == pytest.approx(nll(logits[start - 2], ids[start - 1]), rel=1e-10)
    without_end = loss(replace(example, input_ids=ids[:-1]))
    assert whole - without_end == pytest.approx(nll(logits[-2], ids[-1]), rel=1e-10)


@pytest.mark.parametrize("experiment", ["glue/sst2", "glue/mnli", "glue/stsb"])
@torch.no_grad()
def test_the_loss_of_judgements_is_the_sum_over_examples_computed_by_hand(
    setting: Callable[[str], Setting], experiment: str
) -> None:
    """One sentence, two sentences, and a regression, whose loss is the squared error."""
    here = setting(experiment)
    texts, examples = here.some()
    expected = 0.0
    for judged in texts:
        sentences = (judged.first,) if judged.second is None else (judged.first, judged.second)
        logits = here.model(**here.tokenizer(*sentences, return_tensors="pt")).logits[0]
        expected += float((logits[0] - judged.label) ** 2) if len(logits) == 1 else nll(logits, int(judged.label))
    batch = here.encoded.collate(examples, here.pad)
    assert here.objective.labels(batch) == len(examples)
    assert float(here.objective(batch)) == pytest.approx(expected, rel=TOLERANCE)


def chain(first: int, length: int) -> tuple[int, ...]:
    """Every token decides its successor: t -> 3t + 7 modulo 49, a permutation of the tokens 1 to 49."""
    ids = [first]
    while len(ids) < length:
        ids.append((ids[-1] * 3 + 7) % 49 + 1)
    return tuple(ids)


def test_a_model_that_has_memorised_the_next_token_has_no_loss_left(build_trainer: Callable) -> None:
    """Trained through the loop; with labels shifted once more, or not at all, the same model has a large one."""
    pairs = [EncodedPair(chain(first, 8 + first % 5), 1 + first % 3) for first in range(1, 50)]  # all transitions
    recipe = {"max_steps": 150, "batch_size": 49, "learning_rate": 2e-2, "weight_decay": 0.0}
    trainer, model, _ = build_trainer({"name": "full"}, train=pairs, validation=pairs, **recipe)
    assert trainer.run().validation_loss < 0.01
    batch, objective = collate_pairs(pairs, 0), CausalObjective(model.eval())
    with torch.no_grad():
        mean = float(objective(batch)) / objective.labels(batch)
        assert mean == pytest.approx(trainer.state.validation_loss, rel=1e-4)
        for places in (-1, 1):  # labels made for a loss that does not shift, and for one that shifts the other way
            shifted = replace(batch, labels=batch.labels.roll(places, dims=1))
            assert float(objective(shifted)) / objective.labels(shifted) > 3
        logits = model(input_ids=torch.tensor([pair.input_ids[:8] for pair in pairs])).logits
    found = logits[:, :-1].argmax(-1).tolist()
    assert found == [list(pair.input_ids[1:8]) for pair in pairs], "what it predicts is the next token"

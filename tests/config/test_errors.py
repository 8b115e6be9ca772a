"""A configuration that cannot run is refused in one line that says what to do."""

import pytest

from deltalora.config import compose, run_config
from deltalora.errors import ConfigError
from deltalora.training import check_schedule

Case = tuple[list[str], str]

CASES: dict[str, Case] = {
    "a slip in a key": (["train.epoch=3"], "unknown key train.epoch: did you mean train.epochs?"),
    "a slip in an added key": (["+train.epoch=3"], "unknown key train.epoch: did you mean train.epochs?"),
    "a slip in a group": (["metod=lora"], "unknown key metod: did you mean method?"),
    "a slip in a method's key": (["method.rnk=8"], "unknown key method.rnk: did you mean method.rank?"),
    "a slip in a method's added key": (["+method.rnk=8"], "unknown key method.rnk: did you mean method.rank?"),
    "a key like no other": (
        ["+foo=1"],
        "unknown key foo: the keys here are experiment, scale, row, seed, task, model, method, train, decoding, "
        "init_from, logger, runtime",
    ),
    "a key that no file sets": (
        ["logger.project=x"],
        "unknown key logger.project: no file sets it, so add it as +logger.project=VALUE",
    ),
    "a key of another method": (
        ["method=full", "+method.rank=4"],
        "unknown key method.rank: the keys here are name",
    ),
    "a key that the controls follow, too": (
        ["method.update_ratio=3"],
        "expected recipe.update_ratio, which method.update_ratio and the controls follow, found method.update_ratio=3: "
        "set recipe.update_ratio=3",
    ),
    "a key that the scale multiplies": (
        ["method=delta_lora_with_dropout", "method.start_step=100"],
        "set recipe.start_step=100, to be multiplied by recipe.start_step_scale",
    ),
    "a key that was taken away": (["~train.epochs"], "train.epochs is missing: set train.epochs=VALUE"),
    "text for a number": (
        ["train.epochs=many"],
        "train.epochs: input should be a valid integer, found 'many'",
    ),
    "a quoted number": (["method.rank='8'"], "method.rank: input should be a valid integer, found '8'"),
    "a fraction of a rank": (["method.rank=2.5"], "method.rank: input should be a valid integer, found 2.5"),
    "a truth value for a number": (["seed=true"], "seed: input should be a valid integer, found True"),
    "no number": (["train.learning_rate=nan"], "train.learning_rate: input should be a finite number, found nan"),
    "out of range": (
        ["model.dropout.residual=1.0"],
        "model.dropout.residual: input should be less than 1, found 1.0",
    ),
    "one text where a list is due": (
        ["decoding.stop_strings=x"],
        "decoding.stop_strings: input should be a valid array, found 'x'",
    ),
    "neither of two kinds": (
        ["train.evaluate_every=often"],
        "train.evaluate_every: input should be 'epoch' or 'end' or input should be a valid integer, found 'often'",
    ),
    "none of a key's choices": (["train.schedule=cosine"], "train.schedule: input should be 'linear', found 'cosine'"),
    "none of a group's choices": (
        ["logger=paper"],
        "logger/paper is no choice of 'logger'; the choices are: none, tensorboard, wandb",
    ),
    "no method of ours": (
        ["method.name=dora"],
        "method.name: input should be one of 'full', 'ft_frozen_embeddings', 'ft_qv', 'lora', 'dylora', 'adalora', "
        "'delta_lora', found 'dora'",
    ),
    "two faults": (["train.epochs=0", "seed=-1"], "(and 1 more)"),
    "a sweep without -m": (["seed=1,2"], "To sweep over it, add --multirun"),
    "bad grammar": (["train.[x=3"], "(overrides: train.[x=3)"),
    "no choice of a group": (["method=null"], "(overrides: method=null)"),
    "a sweep without a table": (["hydra.sweeper.params.seed=1"], "(overrides: hydra.sweeper.params.seed=1)"),
    "a value that points nowhere": (["method.rate=cheap"], "recipe.learning_rate.cheap"),
    "a value left open": (["train.epochs=???"], "Missing mandatory value: epochs"),
    "local data without a folder": (
        ["task.source=local"],
        "task.source=local needs a folder: add task.data_dir=DIR",
    ),
    "a folder for data that is not local": (
        ["task.data_dir=data"],
        "task.data_dir is only read with task.source=local, found source=embedded: drop one",
    ),
    "the best of a single evaluation": (
        ["train.selection=best", "train.evaluate_every=end"],
        "train.selection=best needs more than one evaluation: set train.evaluate_every=epoch or a number",
    ),
    "a batch that cannot be split": (
        ["train.accumulation_steps=3"],
        "train.batch_size (8) must be a multiple of train.accumulation_steps (3)",
    ),
    "a backbone of no family": (
        ["model.architecture=mamba"],
        "model.architecture: input should be one of gpt2, llama, roberta, bart, found 'mamba'",
    ),
    "a backbone that cannot do the task": (
        ["model=embedded/bart", "~model.dropout.embedding", "+model.dropout={activation: 0.0, classifier: 0.0}"],
        "task e2e is a causal task for gpt2 or llama, found model.architecture=bart: choose another model",
    ),
    "hub weights without a revision": (
        ["model=paper/gpt2", "model.revision=null"],
        "model.source=hub needs model.revision",
    ),
    "random weights without a shape": (
        ["model.weights=random", "model.shape=null"],
        "model.weights=random needs model.shape",
    ),
    "wandb without a project": (["logger=wandb", "logger.project=null"], "logger=wandb needs logger.project"),
    "no room for a prompt": (
        ["task.max_length=64"],
        "decoding.max_new_tokens (64) leaves no room for a prompt within task.max_length (64)",
    ),
    "a budget that rises": (
        ["method=adalora", "method.target_rank=9"],
        "method: expected target_rank at most initial_rank (4), found 9",
    ),
    "an evaluation rank that is not trained": (
        ["method=dylora", "method.evaluation_rank=99"],
        "expected evaluation_rank between 1 and rank (4), found 99",
    ),
}


def refused(overrides: list[str]) -> str:
    with pytest.raises(ConfigError) as caught:
        check_schedule(run_config(overrides))
    return str(caught.value)


@pytest.mark.parametrize(("overrides", "expected"), CASES.values(), ids=CASES.keys())
def test_a_fault_is_one_line_that_names_it(overrides: list[str], expected: str) -> None:
    line = refused(overrides)
    assert expected in line
    assert "\n" not in line
    assert len(line) < 400


def test_an_adalora_schedule_that_does_not_fit_is_refused_with_its_three_numbers() -> None:
    line = refused(["method=adalora", "train.max_steps=240", "method.initial_warmup=130", "method.final_warmup=110"])
    assert "\n" not in line
    assert all(number in line for number in ("initial_warmup (130)", "final_warmup (110)", "found 240"))


def test_an_adalora_schedule_that_just_fits_is_taken() -> None:
    fitting = ["method=adalora", "train.max_steps=241", "method.initial_warmup=130", "method.final_warmup=110"]
    check_schedule(run_config(fitting))


def test_hydra_is_left_as_it_was_after_a_refusal() -> None:
    refused(["metod=lora"])
    assert compose(["method=lora"]).choices["method"] == "lora"

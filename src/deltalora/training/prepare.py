"""What is known of a run before any weight is read: its identity, its tokens, its device and its schedule."""

from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator
from transformers import PreTrainedTokenizerBase

from deltalora import RESULTS_VERSION, methods, models, results, tasks
from deltalora.config.schema import RunConfig
from deltalora.errors import ConfigError
from deltalora.results import RunRecord, Store


@dataclass(frozen=True)
class RunIdentity:
    """Which run a configuration is, on the data and weights that are there now; found without loading either.

    Attributes:
        config_id: Shared by the seeds of a row.
        run_id: The run's name in the store.
        model: The weights' files.
        data: The examples.
    """

    config_id: str
    run_id: str
    model: models.ModelIdentity
    data: tasks.TaskData


@dataclass(frozen=True)
class PreparedRun:
    """What is known before any weight is read."""

    config: RunConfig
    identity: RunIdentity
    tokenizer: PreTrainedTokenizerBase
    accelerator: Accelerator
    method: methods.Method
    train: list[tasks.EncodedPair]
    validation: list[tasks.EncodedPair]
    prompts: list[tuple[int, ...]]
    tokenised_sha256: str
    total_steps: int
    git: results.GitState | None


def identify_run(config: RunConfig) -> RunIdentity:
    """Hashes configuration, data and weights into the run's id.

    Raises:
        UserError: Data or weights are not there or cannot be read.
    """
    model = models.identify(config.model)
    data = tasks.load_task(config.task)
    config_id = results.config_id(config.scientific())
    run_id = results.run_id(config_id, config.seed, data.files, model.sha256, RESULTS_VERSION)
    return RunIdentity(config_id, run_id, model, data)


def find_finished(config: RunConfig) -> RunRecord | None:
    """The record of exactly this run, if it is finished.

    Raises:
        UserError: See `identify_run`.
    """
    record = Store(Path(config.runtime.results_dir)).read(identify_run(config).run_id)
    return record if record is not None and record.status == "finished" else None


def prepare(config: RunConfig, identity: RunIdentity) -> PreparedRun:
    """Tokenises everything, finds the device, and fixes the number of steps and the method's schedule by it."""
    tokenizer = models.load_tokenizer(config.model, identity.model)
    length = config.task.max_length
    if config.model.shape is not None and length > config.model.shape["n_positions"]:
        positions = config.model.shape["n_positions"]
        raise ConfigError(
            f"task.max_length={length} is more than the {positions} positions of {config.model.name}: lower it"
        )
    data = identity.data
    train, validation = (tasks.encode_pairs(tokenizer, pairs, length) for pairs in (data.train, data.validation))
    prompts = [
        tasks.encode_prompt(tokenizer, prompt.context, length - config.decoding.max_new_tokens) for prompt in data.test
    ]
    hashed = tasks.tokenised_sha256([*(pair.input_ids for pair in (*train, *validation)), *prompts])
    epoch = -(-len(train) // config.train.batch_size)
    total_steps = config.train.max_steps or config.train.epochs * epoch
    method = methods.build_method(config.method)
    method.plan(total_steps)
    return PreparedRun(
        config=config,
        identity=identity,
        tokenizer=tokenizer,
        accelerator=_accelerator(config.runtime.device),
        method=method,
        train=train,
        validation=validation,
        prompts=prompts,
        tokenised_sha256=hashed,
        total_steps=total_steps,
        git=results.git_state(Path(__file__).parent),
    )


def _accelerator(device: str) -> Accelerator:
    """One process on the asked device.

    Raises:
        ConfigError: The device is not there, or several processes were launched.
    """
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no")
    if device != "auto" and accelerator.device.type != device:
        raise ConfigError(
            f"runtime.device={device}: expected such a device, found only {accelerator.device.type}; "
            "set runtime.device=auto"
        )
    if accelerator.num_processes > 1:
        raise ConfigError(
            f"expected one process a run, found {accelerator.num_processes}: start runs side by side instead "
            "(hydra/launcher=local)"
        )
    return accelerator

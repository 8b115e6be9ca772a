"""One run, whole: configuration in, record out.

    find and hash data and weights -> run id -> finished already? -> train (or resume) -> merge -> decode -> score

Up to the run id nothing is written and whatever is wrong is the user's to mend. From then on the run's folder is
locked, and whatever happens leaves a record: finished, failed with its error, or interrupted.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

import torch
from accelerate import Accelerator
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from deltalora import RESULTS_VERSION, methods, metrics, models, results, tasks
from deltalora.config.schema import RunConfig
from deltalora.decoding import beam_search
from deltalora.errors import ConfigError
from deltalora.results import Phase, Progress, RunRecord, Store
from deltalora.results.store import CHECKPOINT_FILE, LOG_FILE, PREDICTIONS_FILE, PROGRESS_FILE
from deltalora.training.batches import TrainingBatches
from deltalora.training.cost import PeakMemory, Stopwatch
from deltalora.training.loggers import Logger, build_logger
from deltalora.training.loop import Tick, Trainer, TrainingState

log = logging.getLogger(__name__)


class RunFailedError(RuntimeError):
    """A run ended without a result; its record says why."""


@dataclass(frozen=True)
class Outcome:
    """A run's record, and whether it was there before."""

    record: RunRecord
    skipped: bool


@dataclass(frozen=True)
class _Prepared:
    """What is known before any weight is read."""

    config: RunConfig
    config_id: str
    run_id: str
    identity: models.ModelIdentity
    tokenizer: PreTrainedTokenizerBase
    data: tasks.TaskData
    train: list[tasks.EncodedPair]
    validation: list[tasks.EncodedPair]
    prompts: list[tuple[int, ...]]
    tokenised_sha256: str
    total_steps: int


def execute(config: RunConfig, on_progress: Callable[[Progress], None] = lambda progress: None) -> Outcome:
    """Does a run unless it is done.

    Args:
        config: The run.
        on_progress: Called with every step of training, decoding and scoring.

    Raises:
        UserError: Data, weights or a schedule that cannot be used; nothing has been written.
        RunFailedError: The run itself failed; its record is in the store.
        KeyboardInterrupt: Passed on after an `interrupted` record was written.
    """
    if config.runtime.threads is not None:
        torch.set_num_threads(config.runtime.threads)
    identity = models.identify(config.model)
    data = tasks.load_task(config.task)
    config_id = results.config_id(config.scientific())
    run_id = results.run_id(config_id, config.seed, data.files, identity.sha256, RESULTS_VERSION)
    store = Store(Path(config.runtime.results_dir))
    if (done := store.read(run_id)) is not None and done.status == "finished":
        return Outcome(done, skipped=True)
    prepared = _prepare(config, config_id, run_id, identity, data)
    with store.lock(run_id) as folder:
        # Another process may have finished it while this one waited for the lock.
        if (done := store.read(run_id)) is not None and done.status == "finished":
            return Outcome(done, skipped=True)
        with _log_file(folder / LOG_FILE):
            return Outcome(_Run(prepared, store, folder, on_progress).carry_out(), skipped=False)


def _prepare(
    config: RunConfig, config_id: str, run_id: str, identity: models.ModelIdentity, data: tasks.TaskData
) -> _Prepared:
    """Tokenises everything and fixes the number of steps."""
    tokenizer = models.load_tokenizer(config.model, identity)
    length = config.task.max_length
    if config.model.shape is not None and length > config.model.shape["n_positions"]:
        positions = config.model.shape["n_positions"]
        raise ConfigError(
            f"task.max_length={length} is more than the {positions} positions of {config.model.name}: lower it"
        )
    train, validation = (tasks.encode_pairs(tokenizer, pairs, length) for pairs in (data.train, data.validation))
    prompts = [
        tasks.encode_prompt(tokenizer, prompt.context, length - config.decoding.max_new_tokens) for prompt in data.test
    ]
    hashed = tasks.tokenised_sha256([*(pair.input_ids for pair in (*train, *validation)), *prompts])
    epoch = -(-len(train) // config.train.batch_size)
    total_steps = config.train.max_steps or config.train.epochs * epoch
    return _Prepared(
        config, config_id, run_id, identity, tokenizer, data, train, validation, prompts, hashed, total_steps
    )


class _Run:
    """The part of a run that leaves a record."""

    def __init__(
        self, prepared: _Prepared, store: Store, folder: Path, on_progress: Callable[[Progress], None]
    ) -> None:
        self.prepared = prepared
        self.config = prepared.config
        self.store = store
        self.folder = folder
        self._on_progress = on_progress
        self._watch = Stopwatch()
        self._memory: PeakMemory | None = None
        self._method = methods.build_method(self.config.method)
        self._begun = TrainingState()
        self._trainer: Trainer | None = None
        self._parameters: results.Parameters | None = None

    @property
    def _state(self) -> TrainingState:
        """The trainer's, which a resume replaces by the checkpoint's; an empty one before there is a trainer."""
        return self._trainer.state if self._trainer else self._begun

    def carry_out(self) -> RunRecord:
        """Trains, decodes, scores, and writes the record."""
        config, prepared = self.config, self.prepared
        self._method.plan(prepared.total_steps)
        with self._watch.phase("setup"):
            backbone = models.load_backbone(config.model, prepared.identity, config.seed)
        logger = build_logger(config, prepared.run_id, self.folder)
        log.info("run %s: %s seed %d, %d steps", prepared.run_id, config.row, config.seed, prepared.total_steps)
        try:
            record = self._to_the_end(backbone, logger)
        except BaseException as error:
            status: Literal["failed", "interrupted"] = "failed" if isinstance(error, Exception) else "interrupted"
            logger.close(succeeded=False, summary={})
            record = self._record(status, error=error)
            self.store.write(record)
            if not isinstance(error, Exception):
                raise
            log.exception("run %s failed", prepared.run_id)
            raise RunFailedError(
                f"run {prepared.run_id} ({config.row}, seed {config.seed}) failed: {type(error).__name__}: "
                f"{' '.join(str(error).split())} (record: {self.store.run_dir(prepared.run_id)})"
            ) from error
        logger.close(succeeded=True, summary={name: score.value for name, score in record.scores.items()})
        self.store.write(record)
        for leftover in (CHECKPOINT_FILE, PROGRESS_FILE):
            (self.folder / leftover).unlink(missing_ok=True)
        return record

    def _to_the_end(self, backbone: models.Backbone, logger: Logger) -> RunRecord:
        config, prepared = self.config, self.prepared
        device = None if config.runtime.device == "auto" else config.runtime.device
        accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no")
        torch.manual_seed(config.seed)
        counted = methods.count_parameters(backbone, config.method)
        self._parameters = results.Parameters(
            trainable=counted.trainable,
            extra_updatable=counted.extra_updatable,
            head=counted.head,
            total=counted.total,
        )
        with PeakMemory(accelerator.device) as self._memory:
            model = backbone.to(accelerator.device)
            self._method.inject(model, torch.Generator().manual_seed(config.seed))
            self._trainer = self._build_trainer(model, accelerator, logger)
            self._trainer.run()
        plain = cast("PreTrainedModel", self._method.merge(model, in_place=True))
        plain.eval()  # type: ignore[no-untyped-call]
        with self._watch.phase("decoding"):
            texts = beam_search(
                plain,
                prepared.tokenizer,
                prepared.prompts,
                config.decoding,
                self._counter("decoding", len(prepared.prompts)),
            )
        rows = [
            results.Prediction(id=prompt.id, source=prompt.context, prediction=text, references=prompt.references)
            for prompt, text in zip(prepared.data.test, texts, strict=True)
        ]
        predictions = results.PredictionsFile(
            file=PREDICTIONS_FILE, sha256=results.write_predictions(self.folder / PREDICTIONS_FILE, rows)
        )
        self._counter("scoring", len(rows))(0)
        with self._watch.phase("scoring"):
            scores = metrics.score_texts(texts, [row.references for row in rows], [row.id for row in rows])
        return self._record("finished", predictions=predictions, scores=scores)

    def _build_trainer(self, model: models.Backbone, accelerator: Accelerator, logger: Logger) -> Trainer:
        config, prepared = self.config, self.prepared
        pad_id = prepared.tokenizer.eos_token_id
        batches = TrainingBatches(
            prepared.train,
            batch_size=config.train.batch_size,
            accumulation_steps=config.train.accumulation_steps,
            seed=config.seed,
            pad_id=pad_id,
            rank=accelerator.process_index,
            processes=accelerator.num_processes,
            workers=config.runtime.data_workers,
        )
        return Trainer(
            config.train,
            self._method,
            model,
            accelerator,
            batches,
            prepared.validation,
            total_steps=prepared.total_steps,
            pad_id=pad_id,
            run_id=prepared.run_id,
            checkpoint=self.folder / CHECKPOINT_FILE,
            logger=logger,
            on_tick=self._on_tick,
        )

    def _on_tick(self, tick: Tick) -> None:
        self._progress("training", tick.step, self.prepared.total_steps, tick.loss, tick.tokens_per_s, tick.eta_s)

    def _counter(self, phase: Phase, total: int) -> Callable[[int], None]:
        return lambda done: self._progress(phase, done, total)

    def _progress(
        self,
        phase: Phase,
        step: int,
        total: int,
        loss: float | None = None,
        tokens_per_s: float | None = None,
        eta_s: float | None = None,
    ) -> None:
        self._on_progress(
            Progress(
                run_id=self.prepared.run_id,
                row=self.config.row,
                seed=self.config.seed,
                phase=phase,
                step=step,
                total_steps=total,
                loss=loss,
                tokens_per_s=tokens_per_s,
                eta_s=eta_s,
                updated_at=datetime.now(UTC),
            )
        )

    def _record(
        self,
        status: Literal["finished", "failed", "interrupted"],
        *,
        predictions: results.PredictionsFile | None = None,
        scores: dict[str, metrics.Score] | None = None,
        error: BaseException | None = None,
    ) -> RunRecord:
        config, prepared = self.config, self.prepared
        git = results.git_state(Path(__file__).parent)
        selected = self._state.best_step if config.train.selection == "best" else prepared.total_steps
        return RunRecord(
            run_id=prepared.run_id,
            config_id=prepared.config_id,
            status=status,
            error=None
            if error is None
            else results.RunError(type=type(error).__name__, message=" ".join(str(error).split())),
            experiment=config.experiment,
            row=config.row,
            method=config.method.name,
            scale=config.scale,
            source=config.task.source,
            seed=config.seed,
            config=config.model_dump(mode="json"),
            code=results.Code(
                results_version=RESULTS_VERSION, commit=git.commit if git else None, dirty=git.dirty if git else None
            ),
            environment=results.fingerprint_environment(_accelerator_name()),
            data=results.Data(
                files=dict(prepared.data.files),
                counts=dict(prepared.data.counts),
                tokenised_sha256=prepared.tokenised_sha256,
            ),
            model=results.Model(
                name=config.model.name,
                source=config.model.source,
                revision=prepared.identity.revision,
                sha256=prepared.identity.sha256,
            ),
            parameters=self._parameters,
            scores={
                name: results.ScoreEntry(value=score.value, signature=score.signature, n=len(score.statistics))
                for name, score in (scores or {}).items()
            },
            validation={"loss": self._state.validation_loss} if self._state.curve and status == "finished" else {},
            selection=results.Selection(rule=config.train.selection, step=selected, split="test") if scores else None,
            curve=self._state.points(),
            cost=self._cost(),
            diagnostics=dict(self._method.diagnostics()) if self._state.curve else {},
            predictions=predictions,
            started_at=datetime.fromisoformat(self._state.started_at),
            finished_at=datetime.now(UTC),
        )

    def _cost(self) -> results.Cost:
        seconds = self._state.seconds | self._watch.seconds
        train_s = seconds.get("train")
        return results.Cost(
            train_s=train_s,
            evaluation_s=seconds.get("evaluation"),
            decoding_s=seconds.get("decoding"),
            scoring_s=seconds.get("scoring"),
            wall_s=sum(seconds.values()),
            train_tokens=self._state.tokens,
            tokens_per_s=self._state.tokens / train_s if train_s else None,
            peak_memory_bytes=self._memory.bytes if self._memory else None,
        )


def _accelerator_name() -> str | None:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


@contextmanager
def _log_file(path: Path) -> Iterator[None]:
    """Sends this package's log lines to a run's own file as well."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("deltalora")
    before = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()

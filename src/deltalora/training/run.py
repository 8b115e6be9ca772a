"""One run, whole: configuration in, record out.

    find and hash data and weights -> run id -> finished already? -> train (or resume) -> merge -> predict -> score

A run that starts from another run's weights does that one first, unless it is finished. Up to the run id nothing is
written and whatever is wrong is the user's to mend. From then on the run's folder is locked, and whatever happens
leaves a record: finished, failed with its error, or interrupted.

A run may be several processes (see `processes`). All of them train; the leader alone holds the lock, writes, decodes
and scores, and the others learn from it how the run ended.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from deltalora import methods, metrics, models, results, tasks
from deltalora.config.schema import RunConfig
from deltalora.decoding import beam_search
from deltalora.errors import UserError
from deltalora.results import Phase, Progress, RunRecord, Store
from deltalora.results.store import CHECKPOINT_FILE, LOG_FILE, PREDICTIONS_FILE, PROGRESS_FILE
from deltalora.training.batches import TrainingBatches
from deltalora.training.checkpoint import save_state
from deltalora.training.classify import classify
from deltalora.training.cost import PeakMemory, Stopwatch
from deltalora.training.distributed import Processes
from deltalora.training.loggers import Logger, NoLogger, build_logger
from deltalora.training.loop import Tick, Trainer, TrainingState
from deltalora.training.objective import OBJECTIVES
from deltalora.training.prepare import PreparedRun, join_processes, pad_id, prepare
from deltalora.training.record import RunFailedError, known_of
from deltalora.training.run_id import identify_run
from deltalora.training.shared import finished, left_behind, owned, weights

log = logging.getLogger(__name__)

#: Between the random states of two processes; they drop out different elements of different examples.
_SEEDS_APART = 1_000_003


@dataclass(frozen=True)
class Outcome:
    """A run's record, and whether it was there before."""

    record: RunRecord
    skipped: bool


def execute(
    config: RunConfig,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    *,
    wait: bool = True,
    record_refusals: bool = False,
) -> Outcome:
    """Does a run unless it is done; where several processes were launched, all of them call this with one config.

    Args:
        config: The run.
        on_progress: Called by the leader with every step of training, evaluating, decoding and scoring.
        wait: Wait for another process that is at work on this run, or on the one it starts from; else raise.
        record_refusals: In a sweep, a run that is impossible by itself (a schedule longer than its steps) leaves a
            failed record as one that broke on its way; the others go on, and the table says why it has no numbers.

    Raises:
        UserError: Data, weights, device or schedule that cannot be used; no record has been written.
        RunLockedError: Not waiting, and another process holds the run's lock.
        RunFailedError: The run itself failed; its record is in the store.
        KeyboardInterrupt: Passed on after an `interrupted` record was written.
    """
    if config.runtime.threads is not None:
        torch.set_num_threads(config.runtime.threads)
    watch = Stopwatch()
    with watch.phase("setup"):
        processes = join_processes(config.runtime.device)
        identity = processes.together(lambda: identify_run(config), same=lambda found: found.run_id)
    store = Store(Path(config.runtime.results_dir))
    if (done := processes.from_leader(lambda: finished(store, identity))) is not None:
        return Outcome(done, skipped=True)
    if config.init_from is not None:
        try:
            execute(config.init_from, on_progress, wait=wait, record_refusals=record_refusals)
        except RunFailedError as error:
            raise left_behind(config, identity, processes, "RunFailedError", error) from error
    with watch.phase("setup"):
        try:
            prepared = processes.together(lambda: prepare(config, identity))
        except UserError as error:
            if not record_refusals:
                raise
            raise left_behind(config, identity, processes, type(error).__name__, error) from error
        backbone, inherited = processes.together(lambda: weights(prepared, store))
    with owned(store, identity.run_id, processes, wait) as folder:
        # Another command may have finished it while this one waited for the lock.
        if (done := processes.from_leader(lambda: finished(store, identity))) is not None:
            return Outcome(done, skipped=True)
        with _log_file(folder / LOG_FILE) if processes.leads else nullcontext():
            run = _Run(prepared, store, folder, watch, on_progress, processes)
            return Outcome(run.carry_out(backbone, inherited), skipped=False)


class _Run:
    """The part of a run that leaves a record."""

    def __init__(
        self,
        prepared: PreparedRun,
        store: Store,
        folder: Path,
        watch: Stopwatch,
        on_progress: Callable[[Progress], None],
        processes: Processes,
    ) -> None:
        self.prepared = prepared
        self.processes = processes
        self.config = prepared.config
        self.run_id = prepared.identity.run_id
        self.store = store
        self.folder = folder
        self._on_progress = on_progress if processes.leads else lambda progress: None
        self._watch = watch
        self._memory: PeakMemory | None = None
        self._begun = TrainingState()
        self._trainer: Trainer | None = None
        self._logger: Logger = NoLogger()
        self._parameters: results.Parameters | None = None
        self._similarity: dict[str, float] = {}

    @property
    def _state(self) -> TrainingState:
        """The trainer's, which a resume replaces by the checkpoint's; an empty one before there is a trainer."""
        return self._trainer.state if self._trainer else self._begun

    def carry_out(self, backbone: models.Backbone, inherited: Mapping[str, Tensor] | None) -> RunRecord:
        """Trains, predicts, scores, and writes the record.

        Args:
            backbone: With its pre-trained weights.
            inherited: What the run before it trained, which this one goes on from.
        """
        config = self.config
        log.info("run %s: %s seed %d, %d steps", self.run_id, config.row, config.seed, self.prepared.total_steps)
        try:
            if self.processes.leads:
                self._logger = build_logger(config, self.run_id, self.folder)
            model, pretrained = self._train(backbone, inherited)
            record = self.processes.from_leader(lambda: self._test(model, pretrained))
        except BaseException as error:
            with self.processes.recording():
                cause = self.processes.cause(error)
                self._leave_failed(cause)
            if not isinstance(cause, Exception):
                raise cause from None if cause is error else error
            message = " ".join(str(cause).split())
            raise RunFailedError.of(config, self.run_id, type(cause).__name__, message) from error
        if not self.processes.leads:
            return record
        self.store.write(record)
        self._close_logger({name: score.value for name, score in record.scores.items()}, succeeded=True)
        for leftover in (CHECKPOINT_FILE, PROGRESS_FILE):
            (self.folder / leftover).unlink(missing_ok=True)
        return record

    def _leave_failed(self, error: BaseException) -> None:
        status: Literal["failed", "interrupted"] = "failed" if isinstance(error, Exception) else "interrupted"
        log.info("run %s %s", self.run_id, status, exc_info=True)
        if self.processes.leads:
            self.store.write(self._record(status, error=error))
            self._close_logger({}, succeeded=False)

    def _close_logger(self, summary: dict[str, float], *, succeeded: bool) -> None:
        """An outside service that fails at the end takes nothing from a run whose record is written."""
        try:
            self._logger.close(succeeded, summary)
        except Exception as error:  # whatever the service's client raises
            log.warning("run %s: the logger could not be closed: %s", self.run_id, error)

    def _train(
        self, backbone: models.Backbone, inherited: Mapping[str, Tensor] | None
    ) -> tuple[models.Backbone, dict[str, Tensor]]:
        """On every process; returns the trained model and copies of its projections as they were before."""
        config, prepared = self.config, self.prepared
        method, device = prepared.method, prepared.accelerator.device
        torch.manual_seed(config.seed)
        counted = methods.count_parameters(backbone, config.method)
        self._parameters = results.Parameters(
            trainable=counted.trainable,
            extra_updatable=counted.extra_updatable,
            head=counted.head,
            total=counted.total,
        )
        with PeakMemory(device) as self._memory:
            model = cast("models.Backbone", backbone.to(device))
            pretrained = methods.projection_weights(model)
            method.inject(model, torch.Generator().manual_seed(config.seed))
            if inherited is not None:
                method.warm_start(model, inherited, skip=methods.output_layer(model))
            if not self.processes.leads:
                torch.manual_seed(config.seed + _SEEDS_APART * self.processes.rank)
            self._trainer = self._build_trainer(model)
            self._trainer.run()
        return model, pretrained

    def _test(self, model: models.Backbone, pretrained: Mapping[str, Tensor]) -> RunRecord:
        """By the leader alone."""
        config, prepared = self.config, self.prepared
        method = prepared.method
        if config.runtime.keep_state:
            save_state(self.folder, method.state_dict(model))
        plain = cast("PreTrainedModel", method.merge(model, in_place=True))
        plain.eval()  # type: ignore[no-untyped-call]
        self._similarity = methods.cosine_similarity(pretrained, methods.projection_weights(plain))
        task, data = prepared.task, prepared.identity.data
        with self._watch.phase("decoding"):
            predicted = self._predict(plain)
        rows = task.predicted(data, predicted)
        predictions = results.PredictionsFile(
            file=PREDICTIONS_FILE, sha256=results.write_predictions(self.folder / PREDICTIONS_FILE, rows)
        )
        self._counter("scoring", len(rows))(0)
        with self._watch.phase("scoring"):
            scores = task.score(data, predicted)
        segments = results.write_segments(self.folder, scores, [row.id for row in rows])
        return self._record("finished", predictions=predictions, segments=segments, scores=scores)

    def _predict(self, model: PreTrainedModel) -> Sequence[tasks.Prediction]:
        """One answer for every test input: a text, a class number, or a number."""
        config, prepared = self.config, self.prepared
        inputs = prepared.encoded.test
        told = self._counter("decoding", len(inputs))
        if config.decoding is not None:
            return beam_search(model, prepared.tokenizer, inputs, config.decoding, told)
        return classify(model, inputs, pad_id(prepared.tokenizer), 4 * config.train.batch_size, told)

    def _build_trainer(self, model: models.Backbone) -> Trainer:
        config, prepared, accelerator = self.config, self.prepared, self.prepared.accelerator
        encoded, padding = prepared.encoded, pad_id(prepared.tokenizer)
        batches = TrainingBatches(
            encoded.train,
            encoded.collate,
            batch_size=config.train.batch_size,
            accumulation_steps=config.train.accumulation_steps,
            seed=config.seed,
            pad_id=padding,
            rank=accelerator.process_index,
            processes=accelerator.num_processes,
            workers=config.runtime.data_workers,
        )
        return Trainer(
            config.train,
            prepared.method,
            model,
            OBJECTIVES[prepared.task.form](model),
            accelerator,
            batches,
            encoded.validation,
            encoded.collate,
            total_steps=prepared.total_steps,
            pad_id=padding,
            run_id=self.run_id,
            checkpoint=self.folder / CHECKPOINT_FILE,
            logger=self._logger,
            on_tick=self._on_tick,
        )

    def _on_tick(self, tick: Tick) -> None:
        phase: Phase = "evaluating" if tick.evaluating else "training"
        self._progress(phase, tick.step, self.prepared.total_steps, tick.loss, tick.tokens_per_s, tick.eta_s)

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
                run_id=self.run_id,
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
        segments: results.SegmentsFile | None = None,
        scores: dict[str, metrics.Score] | None = None,
        error: BaseException | None = None,
    ) -> RunRecord:
        config, prepared = self.config, self.prepared
        selected = self._state.best_step if config.train.selection == "best" else prepared.total_steps
        return RunRecord(
            **known_of(config, prepared.identity, prepared.git, prepared.encoded.sha256),
            status=status,
            error=None
            if error is None
            else results.RunError(type=type(error).__name__, message=" ".join(str(error).split())),
            environment=results.fingerprint_environment(_name(prepared.accelerator.device), self.processes.count),
            parameters=self._parameters,
            scores={
                name: results.ScoreEntry(value=score.value, signature=score.signature, n=len(score.statistics))
                for name, score in (scores or {}).items()
            },
            validation={"loss": self._state.validation_loss} if self._state.curve and status == "finished" else {},
            selection=results.Selection(rule=config.train.selection, step=selected, split=prepared.task.tested_on)
            if scores
            else None,
            curve=self._state.points(),
            cost=self._cost(),
            diagnostics=dict(prepared.method.diagnostics()) if status == "finished" else {},
            predictions=predictions,
            segments=segments,
            similarity=self._similarity,
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


def _name(device: torch.device) -> str | None:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else None


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

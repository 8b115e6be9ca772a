"""One run, whole: configuration in, record out.

    hash data and weights -> run id -> finished already? -> train (or resume) -> merge -> predict -> score -> record

A run that starts from another run's weights does that one first, unless it is finished. Up to the run id nothing is
written, and whatever is wrong is the user's to fix. From then on the run's folder is locked, and whatever happens
leaves a record: finished, failed with its error, or interrupted.

A run may be several processes (see `distributed`). All of them train; the leader alone holds the lock, writes, decodes
and scores, and the others learn from it how the run ended.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from deltalora import methods, models, results, tasks
from deltalora.config.schema import RunConfig
from deltalora.decoding import beam_search
from deltalora.errors import UserError, one_line
from deltalora.results import Phase, Progress, RunRecord, Store
from deltalora.results.store import CHECKPOINT_FILE, LOG_FILE, PREDICTIONS_FILE, PROGRESS_FILE
from deltalora.training.batches import TrainingBatches
from deltalora.training.checkpoint import load_state, save_state
from deltalora.training.classify import classify
from deltalora.training.cost import PeakMemory, Stopwatch
from deltalora.training.distributed import Processes
from deltalora.training.loggers import Logger, NoLogger, build_logger
from deltalora.training.loop import Tick, Trainer, TrainingState
from deltalora.training.objective import OBJECTIVES, CausalObjective
from deltalora.training.prepare import PreparedRun, join_processes, pad_id, prepare
from deltalora.training.record import Measured, RunFailedError, Tested, record_failure, run_record
from deltalora.training.run_id import RunInputs, identify_run
from deltalora.training.seeds import method_generator, seed_process

log = logging.getLogger(__name__)


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
    """Do a run unless it is finished; where several processes were launched, all of them call this with one config.

    Args:
        config: The run.
        on_progress: Called by the leader with every step of training, evaluating, decoding and scoring.
        wait: Wait for another process that is at work on this run, or on the one it starts from; else raise.
        record_refusals: In a sweep, an impossible run (a schedule longer than its steps) leaves a failed record, as one
            that broke on its way does; the others go on, and the table says why it has no numbers.

    Raises:
        UserError: Data, weights, device or schedule cannot be used; no record has been written.
        RunLockedError: Not waiting, and another process holds the run's lock.
        RunFailedError: The run itself failed; its record is in the store.
        KeyboardInterrupt: Passed on after an `interrupted` record was written.
    """
    if config.runtime.threads is not None:
        torch.set_num_threads(config.runtime.threads)
    watch = Stopwatch()
    with watch.phase("setup"):
        processes = join_processes(config.runtime.device)
        inputs = processes.together(lambda: identify_run(config), same=lambda found: found.run_id)
    store = Store(Path(config.runtime.results_dir))
    if (done := processes.from_leader(lambda: _finished(store, inputs.run_id))) is not None:
        return Outcome(done, skipped=True)
    if config.init_from is not None:
        try:
            execute(config.init_from, on_progress, wait=wait, record_refusals=record_refusals)
        except RunFailedError as error:
            raise _refused(config, inputs, processes, error) from error
    with watch.phase("setup"):
        try:
            prepared = processes.together(lambda: prepare(config, inputs))
        except UserError as error:
            if not record_refusals:
                raise
            raise _refused(config, inputs, processes, error) from error
        backbone, inherited = processes.together(lambda: _load_weights(prepared, store))
    with _locked(store, inputs.run_id, processes, wait) as folder:
        # Another command may have finished it while this one waited for the lock.
        if (done := processes.from_leader(lambda: _finished(store, inputs.run_id))) is not None:
            return Outcome(done, skipped=True)
        with _log_file(folder / LOG_FILE) if processes.leads else nullcontext():
            run = _Run(prepared, store, folder, watch, on_progress, processes)
            return Outcome(run.carry_out(backbone, inherited), skipped=False)


def _finished(store: Store, run_id: str) -> RunRecord | None:
    """Return the run's record, if the run is finished."""
    record = store.read(run_id)
    return record if record is not None and record.status == "finished" else None


def _refused(config: RunConfig, inputs: RunInputs, processes: Processes, error: Exception) -> RunFailedError:
    """Return the error to raise on every process for a run that could not start; the leader writes its record."""
    kind = type(error).__name__
    with processes.recording():
        if processes.leads:
            return record_failure(config, inputs, kind, str(error))
    return RunFailedError.of(config, inputs.run_id, kind, one_line(error))


def _load_weights(prepared: PreparedRun, store: Store) -> tuple[models.Backbone, dict[str, Tensor] | None]:
    """Return the backbone, and what the run before this one trained."""
    config, inputs = prepared.config, prepared.inputs
    backbone = models.load_backbone(config.model, inputs.model, config.seed, prepared.task.num_labels)
    return backbone, load_state(store.run_dir(inputs.parent.run_id)) if inputs.parent else None


@contextmanager
def _locked(store: Store, run_id: str, processes: Processes, wait: bool) -> Iterator[Path]:
    """Give the run's folder, locked by the leader for all; no process goes on before the lock is held."""
    if not processes.leads:
        processes.from_leader(lambda: None)
        yield store.run_dir(run_id)
        return
    with ExitStack() as held:
        yield processes.from_leader(lambda: held.enter_context(store.lock(run_id, blocking=wait)))


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
        self.run_id = prepared.inputs.run_id
        self.store = store
        self.folder = folder
        self._on_progress = on_progress if processes.leads else lambda progress: None
        self._watch = watch
        self._measured = Measured(TrainingState(), watch.seconds, processes.count)
        self._logger: Logger = NoLogger()

    def carry_out(self, backbone: models.Backbone, inherited: Mapping[str, Tensor] | None) -> RunRecord:
        """Train, predict, score, and write the record.

        Args:
            backbone: With its pre-trained weights.
            inherited: What the run before it trained, from which this one starts.
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
            message = one_line(cause)
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
            self.store.write(run_record(self.prepared, self._measured, status, error=error))
            self._close_logger({}, succeeded=False)

    def _close_logger(self, summary: dict[str, float], *, succeeded: bool) -> None:
        """Close the logger; an outside service that fails here takes nothing from a run whose record is written."""
        try:
            self._logger.close(succeeded, summary)
        except Exception as error:  # whatever the service's client raises
            log.warning("run %s: the logger could not be closed: %s", self.run_id, error)

    def _train(
        self, backbone: models.Backbone, inherited: Mapping[str, Tensor] | None
    ) -> tuple[models.Backbone, dict[str, Tensor]]:
        """Train on every process; return the model and copies of its projections as they were before."""
        config, method, device = self.config, self.prepared.method, self.prepared.accelerator.device
        seed_process(config.seed)
        counted = methods.count_parameters(backbone, config.method)
        self._measured.parameters = results.Parameters(
            trainable=counted.trainable,
            extra_updatable=counted.extra_updatable,
            head=counted.head,
            total=counted.total,
        )
        memory = PeakMemory(device)
        try:
            with memory:
                model = cast("models.Backbone", backbone.to(device))
                pretrained = methods.projection_weights(model)
                method.inject(model, method_generator(config.seed))
                if inherited is not None:
                    method.warm_start(model, inherited, skip=methods.output_layer(model))
                if not self.processes.leads:
                    seed_process(config.seed, self.processes.rank)
                trainer = self._build_trainer(model)
                try:
                    trainer.run()
                finally:
                    self._measured.state = trainer.state  # which a resume has replaced by the checkpoint's
        finally:
            self._measured.peak_memory_bytes = memory.bytes
        return model, pretrained

    def _test(self, model: models.Backbone, pretrained: Mapping[str, Tensor]) -> RunRecord:
        """Merge, predict and score, on the leader alone."""
        config, measured, method = self.config, self._measured, self.prepared.method
        if config.runtime.keep_state:
            save_state(self.folder, method.state_dict(model))
        plain = cast("PreTrainedModel", method.merge(model, in_place=True))
        plain.eval()  # type: ignore[no-untyped-call]
        measured.similarity = methods.cosine_similarity(pretrained, methods.projection_weights(plain))
        task, data = self.prepared.task, self.prepared.inputs.data
        with self._watch.phase("decoding"):
            predicted = self._predict(plain)
        rows = task.predicted(data, predicted)
        predictions = results.PredictionsFile(
            file=PREDICTIONS_FILE, sha256=results.write_predictions(self.folder / PREDICTIONS_FILE, rows)
        )
        self._report("scoring", 0, len(rows))
        with self._watch.phase("scoring"):
            scores = task.score(data, predicted)
        segments = results.write_segments(self.folder, scores, [row.id for row in rows])
        return run_record(self.prepared, measured, "finished", Tested(scores, predictions, segments))

    def _predict(self, model: PreTrainedModel) -> Sequence[tasks.Prediction]:
        """Return one prediction for every test input: a text, a class number, or a number."""
        config, inputs = self.config, self.prepared.encoded.test

        def on_batch(done: int) -> None:
            self._report("decoding", done, len(inputs))

        if config.decoding is not None:
            return beam_search(model, self.prepared.tokenizer, inputs, config.decoding, on_batch)
        return classify(model, inputs, pad_id(self.prepared.tokenizer), 4 * config.train.batch_size, on_batch)

    def _build_trainer(self, model: models.Backbone) -> Trainer:
        config, prepared, accelerator = self.config, self.prepared, self.prepared.accelerator
        if config.runtime.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]
        if config.runtime.compile:
            model.base_model.compile(dynamic=True)
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
            bucketed=config.train.batching == "bucketed",
        )
        return Trainer(
            config.train,
            prepared.method,
            model,
            CausalObjective(model, packed=True) if config.train.packing else OBJECTIVES[prepared.task.form](model),
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
        self._report(phase, tick.step, self.prepared.total_steps, tick.loss, tick.tokens_per_s, tick.eta_s)

    def _report(self, phase: Phase, step: int, total: int, *measured: float) -> None:
        """Pass on where the run stands; `measured` is a training step's loss, tokens per second and seconds left."""
        loss, tokens_per_s, eta_s = measured or (None, None, None)
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


@contextmanager
def _log_file(path: Path) -> Iterator[None]:
    """Send this package's log lines to a run's own file as well."""
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

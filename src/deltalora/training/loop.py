"""The one training loop, for every method on every task.

Per optimizer step t:

    method.before_step(t)                     DyLoRA draws its rank; Delta-LoRA remembers A_t, B_t
    loss = sum over the step's labels / their number + method.penalty()
    clip, optimizer.step()                    AdamW moves what is trained, and nothing else
    method.after_step(t)                      AdaLoRA re-allocates its budget; Delta-LoRA moves W
    scheduler.step(), zero_grad()

Labels are tokens where text is generated and examples where it is classified. The mean is over all labels of the step,
across micro-batches and processes, so that splitting a batch changes nothing.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from deltalora.config.schema import TrainConfig
from deltalora.errors import StoreError
from deltalora.methods import Method
from deltalora.results import CurvePoint
from deltalora.tasks import Batch, Collate, EncodedExample
from deltalora.training.batches import TrainingBatches, evaluation_batches
from deltalora.training.checkpoint import Checkpoint, load_checkpoint, restore_rng_state, rng_state, save_checkpoint
from deltalora.training.cost import Stopwatch
from deltalora.training.distributed import check_alike
from deltalora.training.loggers import Logger
from deltalora.training.objective import Objective
from deltalora.training.optimizer import build_optimizer, linear_schedule

log = logging.getLogger(__name__)

#: Points of the training curve beside those of the evaluations.
_CURVE_POINTS = 60


class DivergedError(RuntimeError):
    """The loss is no longer a finite number; the run cannot go on."""


@dataclass(frozen=True)
class Tick:
    """What a progress display needs after a step: where, the latest loss, tokens per second, seconds left."""

    step: int
    loss: float
    tokens_per_s: float
    eta_s: float
    evaluating: bool


@dataclass
class TrainingState:
    """What grows while a run trains; saved with every checkpoint.

    Attributes:
        curve: Training and validation losses so far.
        unreported: Training losses of the steps since the curve's last point.
        tokens: Tokens that went through the model, padding excluded, over all processes.
        seconds: Seconds by phase.
        best_loss: Lowest validation loss so far.
        best_step: Optimizer steps done when it was measured.
        validation_loss: The latest.
        started_at: ISO time of the run's first start.
    """

    curve: list[dict[str, Any]] = field(default_factory=list)
    unreported: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    best_loss: float = math.inf
    best_step: int = 0
    validation_loss: float = math.nan
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def points(self) -> tuple[CurvePoint, ...]:
        """Return the curve as the record keeps it."""
        return tuple(CurvePoint(**point) for point in self.curve)


class Trainer:
    """One run's loop over one injected model.

    Args:
        config: Budget, optimizer, evaluation.
        method: Injected into `model` and planned for `total_steps`.
        model: In training mode on the accelerator's device.
        objective: Maps a batch to the model's summed loss.
        accelerator: Devices and processes; one process and the CPU in the simplest case.
        batches: The training data's plan.
        validation: Encoded validation split.
        collate: The task's.
        total_steps: Optimizer steps of the whole run.
        pad_id: Padding of validation batches.
        run_id: Written into checkpoints.
        checkpoint: Where checkpoints go; an existing one is resumed from.
        logger: Receives the curve.
        on_tick: Called after each step.
    """

    def __init__(
        self,
        config: TrainConfig,
        method: Method,
        model: nn.Module,
        objective: Objective,
        accelerator: Accelerator,
        batches: TrainingBatches,
        validation: Sequence[EncodedExample],
        collate: Collate,
        *,
        total_steps: int,
        pad_id: int,
        run_id: str,
        checkpoint: Path,
        logger: Logger,
        on_tick: Callable[[Tick], None] = lambda tick: None,
    ) -> None:
        self.config = config
        self.method = method
        self.accelerator = accelerator
        self.state = TrainingState()
        self._inner = model
        self._parameters = [p for group in method.trainable(model) for p in group.parameters.values()]
        optimizer = build_optimizer(method.trainable(model), config)
        self.scheduler = linear_schedule(optimizer, config.warmup(total_steps), total_steps)
        self._plain_objective = objective
        self.objective, self.optimizer = accelerator.prepare(objective, optimizer)
        self._batches = batches
        self._validation = validation
        self._collate = collate
        self._total_steps = total_steps
        self._pad_id = pad_id
        self._run_id = run_id
        self._checkpoint = checkpoint
        self._logger = logger
        self._on_tick = on_tick
        self._best: dict[str, Tensor] | None = None
        named = {"epoch": batches.steps_per_epoch, "end": total_steps}
        every = config.evaluate_every
        self._evaluate_every = named[every] if isinstance(every, str) else every

    def run(self) -> TrainingState:
        """Train to the end, from a checkpoint if there is one, and leave the selected weights in the model.

        Raises:
            DivergedError: The training loss is not finite.
            DriftedError: The processes of the run no longer hold the same weights.
            StoreError: The checkpoint cannot be read, or the processes do not find the same one.
        """
        first = self._resume()
        watch = Stopwatch(self.state.seconds)
        self.state.seconds = watch.seconds
        every = max(1, self._total_steps // _CURVE_POINTS)
        self._inner.train()
        for step, micro_batches in enumerate(self._batches.steps(first, self._total_steps), start=first):
            done = step + 1
            with watch.phase("train"):
                rate = self.scheduler.get_last_lr()[0]
                loss = self._step(step, micro_batches)
            self._check_finite("training", loss, done)
            self.state.unreported.append(loss)
            evaluating = done == self._total_steps or done % self._evaluate_every == 0
            if evaluating:
                self._tick(done, loss, watch, evaluating=True)
            if evaluating or done % every == 0:
                with watch.phase("evaluation"):
                    self._report(done, float(rate), self.validation_loss() if evaluating else None)
            self._tick(done, loss, watch)
            if self.config.checkpoint_every and done % self.config.checkpoint_every == 0 and done < self._total_steps:
                self._save(done)
        if self.accelerator.num_processes > 1:
            check_alike(self.accelerator, self.method.state_dict(self._inner))
        if self.config.selection == "best" and self._best is not None:
            self.method.load_state_dict(self._inner, self._best)
            self.state.validation_loss = self.state.best_loss
        return self.state

    def _step(self, step: int, micro_batches: Sequence[Batch]) -> float:
        """Take one optimizer step; return its mean loss per label."""
        self.method.before_step(step)
        measure = self._plain_objective
        labels, tokens = self._across(
            sum(measure.labels(batch) for batch in micro_batches),
            sum(measure.tokens(batch) for batch in micro_batches if measure.labels(batch)),  # no filler's
        )
        self.state.tokens += int(tokens)
        total = 0.0
        for index, batch in enumerate(micro_batches):
            last = index == len(micro_batches) - 1
            with self._maybe_unsynchronised(last):
                summed = self._summed_loss(self.objective, batch, self.config.label_smoothing)
                # Data-parallel gradients are averaged over processes; the sum over all of them is wanted.
                loss = summed * self.accelerator.num_processes / max(1, labels)
                if last:
                    loss = loss + self.method.penalty()
                self.accelerator.backward(loss)
            total += float(summed.detach())
        if self.config.clip_norm is not None:
            self.accelerator.clip_grad_norm_(self._parameters, self.config.clip_norm)
        self.optimizer.step()
        self.method.after_step(step)
        self.scheduler.step()
        self.optimizer.zero_grad()
        return self._across(total)[0] / max(1, labels)

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Return the validation split's mean loss per label, without smoothing: nats per token or example, or MSE."""
        inner = self._plain_objective.eval()
        loss, labels = 0.0, 0
        shares = evaluation_batches(
            self._validation,
            self._collate,
            4 * self.config.batch_size,
            self._pad_id,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        for batch in shares:
            loss += float(self._summed_loss(inner, batch, 0.0))
            labels += inner.labels(batch)
        self._plain_objective.train()
        loss, found = self._across(loss, labels)
        return loss / found

    def _summed_loss(self, objective: nn.Module, batch: Batch, label_smoothing: float) -> Tensor:
        bf16 = self.config.precision == "bf16"
        with torch.autocast(self.accelerator.device.type, dtype=torch.bfloat16, enabled=bf16):
            summed: Tensor = objective(batch.to(self.accelerator.device), label_smoothing)
        return summed

    def _maybe_unsynchronised(self, last: bool) -> Any:
        """Exchange gradients between processes once per step, with the last micro-batch."""
        return torch.enable_grad() if last else self.accelerator.no_sync(self.objective)

    def _across(self, *amounts: float) -> list[float]:
        """Sum each amount over all processes; float64, in which numbers of tokens and losses stay whole."""
        if self.accelerator.num_processes == 1:
            return list(amounts)
        mine = torch.tensor(amounts, dtype=torch.float64, device=self.accelerator.device)
        summed: list[float] = self.accelerator.reduce(mine, "sum").tolist()
        return summed

    def _report(self, done: int, rate: float, validation_loss: float | None) -> None:
        train_loss = sum(self.state.unreported) / len(self.state.unreported)
        self.state.unreported.clear()
        point: dict[str, Any] = {"step": done, "train_loss": train_loss, "learning_rate": rate}
        if validation_loss is not None:
            self._check_finite("validation", validation_loss, done)
            point["validation_loss"] = validation_loss
        self.state.curve.append(point)
        self._logger.log(done, {key: value for key, value in point.items() if key != "step"})
        if validation_loss is None:
            return
        self.state.validation_loss = validation_loss
        log.info("step %d/%d: train %.4f, validation %.4f", done, self._total_steps, train_loss, validation_loss)
        if validation_loss < self.state.best_loss:
            self.state.best_loss, self.state.best_step = validation_loss, done
            if self.config.selection == "best":
                self._best = self.method.state_dict(self._inner)

    def _check_finite(self, what: str, loss: float, done: int) -> None:
        if not math.isfinite(loss):
            raise DivergedError(
                f"the {what} loss is {loss} after step {done}: lower train.learning_rate or set train.clip_norm"
            )

    def _tick(self, done: int, loss: float, watch: Stopwatch, evaluating: bool = False) -> None:
        seconds = watch.seconds["train"]
        left = seconds / done * (self._total_steps - done)
        self._on_tick(Tick(done, loss, self.state.tokens / seconds, left, evaluating))

    def _save(self, done: int) -> None:
        state = self.method.state_dict(self._inner)
        check_alike(self.accelerator, state)
        rng = gather_object([rng_state()])
        if not self.accelerator.is_main_process:
            return
        checkpoint = Checkpoint(
            run_id=self._run_id,
            step=done,
            method=state,
            optimizer=self.optimizer.state_dict(),
            scheduler=self.scheduler.state_dict(),
            rng=rng,
            progress=asdict(self.state),
            best=self._best,
        )
        save_checkpoint(self._checkpoint, checkpoint)

    def _resume(self) -> int:
        """Restore the last checkpoint; return the step that comes next."""
        found = load_checkpoint(self._checkpoint, self._run_id)
        steps = gather_object([found.step if found else 0])
        if len(set(steps)) > 1:
            raise StoreError(
                f"{self._checkpoint}: expected all processes to find one checkpoint, found steps {steps}: "
                "runtime.results_dir must be a folder that all nodes share"
            )
        if found is None:
            return 0
        self.method.load_state_dict(self._inner, found.method)
        self.optimizer.load_state_dict(found.optimizer)
        self.scheduler.load_state_dict(found.scheduler)
        restore_rng_state(found.rng, self.accelerator.process_index)
        self.state = TrainingState(**found.progress)
        self._best = found.best
        log.info("resumed after step %d of %d", found.step, self._total_steps)
        return found.step

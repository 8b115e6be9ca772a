"""The contract that every fine-tuning method keeps, so that one training loop serves them all.

The loop, for optimizer step t = 0, 1, ...:

    method.before_step(t)
    for micro_batch in ...: loss.backward()          # forward passes at the parameters of step t
    penalty = method.penalty()                        # once per optimizer step, added to the loss
    optimizer.step()
    method.after_step(t)                              # gradients still alive
    optimizer.zero_grad()
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn

from deltalora.config.methods import MethodConfig
from deltalora.errors import ModelError
from deltalora.methods.targets import head_parameters

GroupName = Literal["adapter", "backbone", "head"]


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that the optimizer trains, under the name by which learning rate and decay may tell them apart.

    Attributes:
        name: `adapter` (added by the method), `backbone` (pre-trained), `head` (randomly initialised classifier).
        parameters: Parameter by its name in the model; a tied parameter appears once.
    """

    name: GroupName
    parameters: dict[str, nn.Parameter]


class InjectedModule(nn.Module, ABC):
    """A module that a method has put in the place of a plain one."""

    @abstractmethod
    def fold(self) -> nn.Module:
        """Returns the plain module with the same outputs outside training; this one must not be used afterwards."""


class Attachment:
    """Steps a method from inside a stranger's optimizer until `remove` is called.

    Attributes:
        step: The 0-based optimizer step whose forward passes come next.
    """

    def __init__(self, method: Method, optimizer: torch.optim.Optimizer, first_step: int) -> None:
        self.step = first_step
        self._method = method
        method.before_step(first_step)  # may refuse, and then nothing stays behind in the optimizer
        self._hook = optimizer.register_step_post_hook(self._after_optimizer_step)

    def _after_optimizer_step(self, optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        # The next step begins here, because its forward passes already need what before_step decides (DyLoRA's rank).
        self._method.after_step(self.step)
        self.step += 1
        self._method.before_step(self.step)

    def remove(self) -> None:
        """Lets go of the optimizer; the method is stepped by hand again, or not at all."""
        self._hook.remove()


class Method(ABC):
    """One way to fine-tune a backbone; bound by `inject` to one model.

    Attributes:
        config: The method's validated hyper-parameters.
        group: The name of what the method trains beside a classification head.
        counts_head: Whether the parameter count of the method's table row includes the head (only where the whole
            backbone is trained).
    """

    group: ClassVar[Literal["adapter", "backbone"]]
    counts_head: ClassVar[bool] = False
    config: MethodConfig

    def __init__(self, config: MethodConfig) -> None:
        self.config = config

    def plan(self, total_steps: int) -> None:
        """Fixes whatever schedule depends on the run's length; only AdaLoRA has one.

        Args:
            total_steps: Optimizer steps of the whole run (not micro-batches).

        Raises:
            ConfigError: The schedule does not fit into `total_steps`.
        """
        del total_steps

    @abstractmethod
    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Prepares `model` in place: wraps W_Q and W_V where the method needs it and decides what is trained.

        A randomly initialised classification head is trained by every method.

        Args:
            model: An untouched transformers model.
            generator: Source of every random number the method will ever use.

        Raises:
            ModelError: The projections cannot be found, or their weights cannot carry the method.
        """

    def trainable(self, model: nn.Module) -> list[ParameterGroup]:
        """Returns what the optimizer trains, in the model's own order; empty groups are left out."""
        head = set(head_parameters(model))
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        own = ParameterGroup(self.group, {name: p for name, p in trained.items() if name not in head})
        classifier = ParameterGroup("head", {name: p for name, p in trained.items() if name in head})
        return [group for group in (own, classifier) if group.parameters]

    def extra_updatable(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Returns live views of weights that change without being optimized (Delta-LoRA's W_Q, W_V), by name."""
        del model
        return {}

    def penalty(self) -> torch.Tensor | float:
        """Returns the regulariser, coefficient included; add it to the loss once per optimizer step."""
        return 0.0

    def before_step(self, step: int) -> None:
        """Opens optimizer step `step` (0-based) before its forward passes; nothing moves until `optimizer.step`.

        Raises:
            ConfigError: `plan` has not been called and the method needs it (AdaLoRA).
        """
        del step

    def after_step(self, step: int) -> None:
        """Closes optimizer step `step` right after `optimizer.step()`, while gradients are still alive.

        Raises:
            ConfigError: `plan` has not been called and the method needs it (AdaLoRA).
            ModelError: The gradients are gone already and the method needs them (AdaLoRA).
        """
        del step

    def merge(self, model: nn.Module, in_place: bool = False) -> nn.Module:
        """Returns a plain backbone for inference, with the modules and state-dict keys of the untouched model.

        Args:
            model: The injected model, or a deep copy of it.
            in_place: Fold into `model` itself, which saves a copy but ends the training; otherwise `model` is left
                untouched bit for bit.
        """
        merged = model if in_place else copy.deepcopy(model)
        for path, module in list(merged.named_modules()):
            if isinstance(module, InjectedModule):
                merged.set_submodule(path, module.fold())
        return merged

    def state_dict(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Returns copies of everything a resumed run needs: plain tensors, loadable with `weights_only=True`."""
        return {key: tensor.detach().clone() for key, tensor in self._live_state(model).items()}

    def load_state_dict(self, model: nn.Module, state: dict[str, torch.Tensor]) -> None:
        """Restores `state` into an injected model.

        Raises:
            ModelError: A tensor is missing, unexpected, or of another shape; nothing has been changed then.
        """
        self._copy(self._live_state(model), state)

    def warm_start(self, model: nn.Module, state: Mapping[str, torch.Tensor], skip: Collection[str]) -> None:
        """Lets a new run begin where another run of this method ended: what was trained and what moved, nothing else.

        Call it after `inject` and before the first step. Counters, schedules and importance scores stay those of a
        fresh run; AdaLoRA's pruned singular values arrive as zeros, which may grow again.

        Args:
            model: The injected model.
            state: The other run's `state_dict`.
            skip: Names of parameters that keep their own values: `output_layer(model)` for another set of classes.

        Raises:
            ModelError: A tensor is missing, unexpected, or of another shape; nothing has been changed then.
        """
        self._copy(_learnt(self._live_state(model), skip), _learnt(state, skip))

    def _copy(self, live: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> None:
        found = f"the state of method {self.config.name}"
        if missing := sorted(live.keys() - state.keys()):
            raise ModelError(
                f"expected {len(live)} tensors in {found}, {len(missing)} are missing, first {missing[0]!r}: "
                "load a state saved with the same method, model and hyper-parameters"
            )
        if unexpected := sorted(state.keys() - live.keys()):
            raise ModelError(
                f"expected {len(live)} tensors in {found}, {len(unexpected)} more were found, first "
                f"{unexpected[0]!r}: load a state saved with the same method, model and hyper-parameters"
            )
        for key, tensor in live.items():
            if tensor.shape != state[key].shape:
                raise ModelError(
                    f"expected shape {tuple(tensor.shape)} for {key!r} in {found}, found {tuple(state[key].shape)}: "
                    "load a state saved with the same model and rank"
                )
        with torch.no_grad():
            for key, tensor in live.items():
                tensor.copy_(state[key])

    def _live_state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Returns the tensors themselves, not copies, so that saving and loading need only one list of names."""
        return {
            f"parameter/{name}": parameter
            for group in self.trainable(model)
            for name, parameter in group.parameters.items()
        }

    def attach(self, model: nn.Module, optimizer: torch.optim.Optimizer, first_step: int = 0) -> Attachment:
        """Lets `optimizer` call `before_step` and `after_step` by itself, for use in a training loop not our own.

        AdaLoRA needs two things more, which no optimizer can do for it: `plan(total_steps)` before, and
        `penalty()` added to the loss in every step.

        Args:
            model: The injected model.
            optimizer: An optimizer over `trainable(model)`; a step that a gradient scaler skips does not count.
            first_step: The 0-based step that comes next, when a run is resumed.

        Returns:
            The handle, whose `remove` undoes the attachment.

        Raises:
            ModelError: The optimizer lacks some of the parameters the method trains.
            ConfigError: AdaLoRA has not been planned.
        """
        held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        trained = [p for group in self.trainable(model) for p in group.parameters.values()]
        if forgotten := sum(id(parameter) not in held for parameter in trained):
            raise ModelError(
                f"expected the optimizer to hold all {len(trained)} tensors trained by {self.config.name}, "
                f"{forgotten} are not in it: build it from method.trainable(model) after inject"
            )
        return Attachment(self, optimizer, first_step)

    def diagnostics(self) -> dict[str, float | int | list[int]]:
        """Returns small facts of the run so far for its record.

        Raises:
            ConfigError: `plan` has not been called and the method needs it (AdaLoRA).
        """
        return {}


def _learnt(state: Mapping[str, torch.Tensor], skip: Collection[str]) -> dict[str, torch.Tensor]:
    """What training has made of the model, without a method's own books and the parameters to skip."""
    return {
        key: tensor
        for key, tensor in state.items()
        if key.startswith(("parameter/", "weight/")) and key.removeprefix("parameter/") not in skip
    }

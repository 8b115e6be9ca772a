"""The contract that every fine-tuning method keeps, so that one training loop serves them all, and its registry.

The loop, for optimizer step t = 0, 1, ...:

    method.before_step(t)
    for micro_batch in ...: loss.backward()          # forward passes at the parameters of step t
    penalty = method.penalty()                        # once per optimizer step, added to the loss
    optimizer.step()
    method.after_step(t)                              # gradients still alive
    optimizer.zero_grad()
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import ClassVar, Literal, TypeVar

import torch
from torch import nn

from deltalora.config.methods import MethodConfig, parse_method_config
from deltalora.errors import ModelError
from deltalora.methods.targets import head_parameters


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters (by name, a tied one once) that the optimizer trains, apart for learning rate and weight decay.

    They are an `adapter` that the method added, the pre-trained `backbone`, or a randomly initialised `head`.
    """

    name: Literal["adapter", "backbone", "head"]
    parameters: dict[str, nn.Parameter]


class InjectedModule(nn.Module, ABC):
    """A module that a method has put in the place of a plain one."""

    @abstractmethod
    def fold(self) -> nn.Module:
        """Return the plain module with the same outputs outside training; this one must not be used afterwards."""


class Attachment:
    """A hook in an optimizer that steps the method; `step` (0-based) is the one whose forward passes come next."""

    def __init__(self, method: "Method", optimizer: torch.optim.Optimizer, first_step: int) -> None:
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
        """Remove the hook; the method is stepped by hand again, or not at all."""
        self._hook.remove()


class Method(ABC):
    """One way to fine-tune a backbone; bound by `inject` to one model."""

    group: ClassVar[Literal["adapter", "backbone"]]  # what it trains beside a classification head
    counts_head: ClassVar[bool] = False  # whether its table row counts the head, as one of the whole backbone does
    config: MethodConfig

    def __init__(self, config: MethodConfig) -> None:
        self.config = config

    def plan(self, total_steps: int) -> None:
        """Fix what depends on the run's number of optimizer steps; AdaLoRA raises ConfigError if it does not fit."""
        del total_steps

    @abstractmethod
    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Prepare an untouched transformers model in place: wrap W_Q and W_V if need be, decide what is trained.

        A randomly initialised classification head is trained by every method. `generator` is the source of every
        random number the method will ever use.

        Raises:
            ModelError: The projections cannot be found, or their weights cannot carry the method.
        """

    def trainable(self, model: nn.Module) -> list[ParameterGroup]:
        """Return what the optimizer trains, in the model's own order; empty groups are left out."""
        head = head_parameters(model)
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        own = ParameterGroup(self.group, {name: p for name, p in trained.items() if name not in head})
        classifier = ParameterGroup("head", {name: p for name, p in trained.items() if name in head})
        return [group for group in (own, classifier) if group.parameters]

    def extra_updatable(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Return live views of weights that change without being optimized (Delta-LoRA's W_Q, W_V), by name."""
        return {}

    def penalty(self) -> torch.Tensor | float:
        """Return the regulariser, coefficient included; add it to the loss once per optimizer step."""
        return 0.0

    def before_step(self, step: int) -> None:
        """Open optimizer step `step` (0-based) before its forward passes; nothing moves until `optimizer.step`.

        Raises:
            ConfigError: `plan` has not been called and the method needs it (AdaLoRA); `after_step` raises it, too.
        """
        del step

    def after_step(self, step: int) -> None:
        """Close optimizer step `step` right after `optimizer.step()`, while gradients are still alive.

        Raises:
            ModelError: The gradients are gone already and the method needs them (AdaLoRA).
        """
        del step

    def diagnostics(self) -> dict[str, float | int | list[int]]:
        """Return small facts of the run so far for its record; AdaLoRA raises ConfigError before `plan`."""
        return {}

    def merge(self, model: nn.Module, in_place: bool = False) -> nn.Module:
        """Return a plain backbone for inference, with the modules and state-dict keys of the untouched model.

        `model`, the injected one or a deep copy, stays as it is bit for bit; `in_place` folds into it, which saves a
        copy but ends the training.
        """
        merged = model if in_place else copy.deepcopy(model)
        for path, module in list(merged.named_modules()):
            if isinstance(module, InjectedModule):
                merged.set_submodule(path, module.fold())
        return merged

    def state_dict(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Return copies of everything a resumed run needs: plain tensors, loadable with `weights_only=True`."""
        return {key: tensor.detach().clone() for key, tensor in self._live_state(model).items()}

    def load_state_dict(self, model: nn.Module, state: dict[str, torch.Tensor]) -> None:
        """Restore `state` into an injected model.

        Raises:
            ModelError: A tensor is missing, unexpected, or of another shape; nothing has been changed then.
        """
        self._copy(self._live_state(model), state)

    def warm_start(self, model: nn.Module, state: Mapping[str, torch.Tensor], skip: Collection[str]) -> None:
        """Start a new run where another run of this method ended: with what was trained and what moved, nothing else.

        Call it after `inject` and before the first step; `state` is the other run's `state_dict`, and parameters to
        `skip` keep their own values: `output_layer(model)` for another set of classes. Counters, schedules and
        importance scores stay those of a fresh run; AdaLoRA's pruned singular values arrive as zeros, which may grow
        again. Raises ModelError as `load_state_dict` does.
        """
        self._copy(_learnt(self._live_state(model), skip), _learnt(state, skip))

    def _live_state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """Return the tensors themselves, not copies, so that saving and loading need only one list of names."""
        groups = self.trainable(model)
        return {f"parameter/{name}": parameter for group in groups for name, parameter in group.parameters.items()}

    def _copy(self, live: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> None:
        found = f"the state of method {self.config.name}"
        missing, unexpected = live.keys() - state.keys(), state.keys() - live.keys()
        for keys, what in ((missing, "are missing"), (unexpected, "more were found")):
            if keys:
                raise ModelError(
                    f"expected {len(live)} tensors in {found}, {len(keys)} {what}, first {min(keys)!r}: "
                    "load a state saved with the same method, model and hyper-parameters"
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

    def attach(self, model: nn.Module, optimizer: torch.optim.Optimizer, first_step: int = 0) -> Attachment:
        """Let `optimizer` call `before_step` and `after_step`, for use in a training loop that is not ours.

        AdaLoRA needs two more things, which no optimizer can do for it: `plan(total_steps)` before, and `penalty()`
        added to the loss in every step. A step that a gradient scaler skips does not count; a resumed run begins at
        `first_step` (0-based).

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


def _learnt(state: Mapping[str, torch.Tensor], skip: Collection[str]) -> dict[str, torch.Tensor]:
    """Select what training changed in the model, without a method's own state and the parameters to skip."""
    return {
        key: tensor
        for key, tensor in state.items()
        if key.startswith(("parameter/", "weight/")) and key.removeprefix("parameter/") not in skip
    }


MethodClass = TypeVar("MethodClass", bound=type[Method])

_IMPLEMENTATIONS: dict[type[MethodConfig], type[Method]] = {}


def implements(config_class: type[MethodConfig]) -> Callable[[MethodClass], MethodClass]:
    """Register the decorated class as the method of a configuration; every module of this folder is looked through."""

    def register(method_class: MethodClass) -> MethodClass:
        _IMPLEMENTATIONS[config_class] = method_class
        return method_class

    return register


def build_method(config: MethodConfig | Mapping[str, object]) -> Method:
    """Return the method of a configuration, not yet bound to a model.

    Raises:
        ConfigError: See `parse_method_config`.
    """
    parsed = config if isinstance(config, MethodConfig) else parse_method_config(config)
    _import_every_method()
    return _IMPLEMENTATIONS[type(parsed)](parsed)


@cache
def _import_every_method() -> None:
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")

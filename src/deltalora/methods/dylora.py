"""DyLoRA (Valipour et al. 2022): one training run, usable at every rank b = 1..r.

Each optimizer step draws b uniformly from 1..r for the whole model and trains the truncated branch

    W + (alpha/b) B[:, :b] A[:b]

The scale is alpha/b, not alpha/r: the official code multiplies alpha/r by sqrt(r/b) in both factors.

With `update="frozen"` only component b learns in that step, with `update="all"` components 1..b do; every other one is
put back after the step, whatever the optimizer did. What the optimizer remembers of it (its moments) does decay.

`update="detached"` steps as the official program does (huawei-noah/Efficient-NLP@bb44348, run_glue.py): the components
below b are detached and nothing is put back. A and B are whole tensors to AdamW, whose momentum and decay go on moving
all components, almost as far as the trained one (divergence: dylora-frozen).
"""

import torch
from torch import nn

from deltalora.config.methods import DyLoRAConfig
from deltalora.errors import ConfigError
from deltalora.methods.base import implements
from deltalora.methods.low_rank import Branch, LowRankMethod, Product, initial_factors
from deltalora.methods.targets import Projection


class DynamicBranch(Branch):
    """A branch that acts at the rank b drawn for the step in training mode, and at the evaluation rank outside it."""

    def __init__(self, A: torch.Tensor, B: torch.Tensor, config: DyLoRAConfig) -> None:
        super().__init__(A, B, config.alpha)
        self.training_rank = config.rank
        self.evaluation_rank = config.evaluation_rank or config.rank
        self._only_b_learns = config.update != "all"

    def factors(self) -> Product:
        """Return A[:b], B[:, :b] and alpha/b; unless all of them learn, no gradient reaches the ones before b."""
        if not self.training:
            return self.inference_factors()
        A, B, scaling = self._at_rank(self.training_rank)
        if self._only_b_learns:
            A = torch.cat([A[:-1].detach(), A[-1:]])
            B = torch.cat([B[:, :-1].detach(), B[:, -1:]], dim=1)
        return A, B, scaling

    def inference_factors(self) -> Product:
        """Return A[:b], B[:, :b] and alpha/b at the evaluation rank."""
        return self._at_rank(self.evaluation_rank)

    def _at_rank(self, b: int) -> Product:
        return self.lora_A[:b], self.lora_B[:, :b], self.scaling / b

    def trained_components(self) -> slice:
        """Return the components that a gradient reaches in the present step."""
        return slice(self.training_rank - 1 if self._only_b_learns else 0, self.training_rank)


@implements(DyLoRAConfig)
class DyLoRA(LowRankMethod):
    """Draws a rank before each step and, unless `update` is detached, keeps what it does not train where it is."""

    config: DyLoRAConfig

    def __init__(self, config: DyLoRAConfig) -> None:
        super().__init__(config)
        self._evaluation_rank = config.evaluation_rank or config.rank
        self._generator_state = torch.Generator().get_state()
        self._drawn = torch.tensor([-1, config.rank])  # the step a rank was drawn for, and that rank
        self._before: list[tuple[torch.Tensor, torch.Tensor]] = []

    def make_branch(self, projection: Projection, weight: torch.Tensor, generator: torch.Generator) -> Branch:
        """Return a branch that can act at any rank up to r."""
        A, B = initial_factors(projection, self.config.rank, weight, generator)
        return DynamicBranch(A, B, self.config)

    def inject(self, model: nn.Module, generator: torch.Generator) -> None:
        """Wrap W_Q and W_V and seed the method's own generator, so that data order cannot change the ranks."""
        super().inject(model, generator)
        seed = torch.randint(2**62, (), generator=generator, device=generator.device)
        self._generator_state.copy_(torch.Generator().manual_seed(int(seed)).get_state())

    def set_rank(self, rank: int) -> None:
        """Evaluate and merge at b = `rank` from now on; training is not touched.

        Raises:
            ConfigError: The rank is not one of 1..r.
        """
        if not 1 <= rank <= self.config.rank:
            raise ConfigError(
                f"expected a DyLoRA rank between 1 and {self.config.rank}, found {rank}: pass one of these"
            )
        self._evaluation_rank = rank
        for branch in self.branches(DynamicBranch):
            branch.evaluation_rank = rank

    def before_step(self, step: int) -> None:
        """Draw b for this step, once however often the step is opened, and remember A and B."""
        if int(self._drawn[0]) != step:
            generator = torch.Generator()
            generator.set_state(self._generator_state)
            b = int(torch.randint(1, self.config.rank + 1, (), generator=generator))
            self._generator_state.copy_(generator.get_state())
            self._drawn.copy_(torch.tensor([step, b]))
        self._use_drawn_rank()

    def after_step(self, step: int) -> None:
        """Restore every component that was not trained; with `update="detached"` none."""
        if self.config.update == "detached":
            return
        with torch.no_grad():
            for branch, (A, B) in zip(self.branches(DynamicBranch), self._before, strict=True):
                trained = branch.trained_components()
                A[trained] = branch.lora_A[trained]
                B[:, trained] = branch.lora_B[:, trained]
                branch.lora_A.copy_(A)
                branch.lora_B.copy_(B)

    def load_state_dict(self, model: nn.Module, state: dict[str, torch.Tensor]) -> None:
        """Restore the factors, the rank of the step that was open, and the generator."""
        super().load_state_dict(model, state)
        self._use_drawn_rank()

    def diagnostics(self) -> dict[str, float | int | list[int]]:
        """Return the rank of the present step and the one used in evaluation."""
        return {"training_rank": int(self._drawn[1]), "evaluation_rank": self._evaluation_rank}

    def _use_drawn_rank(self) -> None:
        for branch in self.branches(DynamicBranch):
            branch.training_rank = int(self._drawn[1])
        self._before = self.copied_factors()

    def _live_state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        own = {"rank_generator": self._generator_state, "drawn_step_and_rank": self._drawn}
        return super()._live_state(model) | own

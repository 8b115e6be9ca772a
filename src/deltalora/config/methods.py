"""The hyper-parameters of each fine-tuning method, and the one list of methods.

Every list of methods elsewhere follows; CONTRIBUTING.md says how to add one.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from deltalora.config.task import Section, by_name
from deltalora.errors import ConfigError


class MethodConfig(Section):
    """What all methods share: a name, and no silent conversion."""

    model_config = ConfigDict(strict=True)

    name: str


class FullConfig(MethodConfig):
    """Full fine-tuning has no hyper-parameter of its own."""

    name: Literal["full"] = "full"


class FrozenEmbeddingsConfig(MethodConfig):
    """Full fine-tuning without token embeddings has no hyper-parameter of its own."""

    name: Literal["ft_frozen_embeddings"] = "ft_frozen_embeddings"


class QueryValueConfig(MethodConfig):
    """Fine-tuning of W_Q and W_V has no hyper-parameter of its own."""

    name: Literal["ft_qv"] = "ft_qv"


class LowRankConfig(MethodConfig):
    """Hyper-parameters of every low-rank branch."""

    alpha: float = Field(gt=0, description="Numerator of the branch's scale (alpha); LoRA's scaling is alpha/rank.")
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Probability that an element of the input x is dropped."
    )


class LoRAConfig(LowRankConfig):
    """Hyper-parameters of LoRA; the suite's controls are configurations of it."""

    name: Literal["lora"] = "lora"
    rank: int = Field(ge=1, description="Rank of every update (r).")


class DyLoRAConfig(LowRankConfig):
    """Hyper-parameters of DyLoRA."""

    name: Literal["dylora"] = "dylora"
    rank: int = Field(ge=1, description="Largest rank (r); b is drawn from 1..r.")
    update: Literal["frozen", "all", "detached"] = Field(
        default="frozen",
        description="Which components move in a step with rank b: only b (frozen), 1..b (all), or by its gradient b "
        "and by the optimizer's momentum and decay all (detached, the official program).",
    )
    evaluation_rank: int | None = Field(default=None, ge=1, description="Rank b of evaluation and merging; r if null.")

    @model_validator(mode="after")
    def _evaluation_rank_exists(self) -> Self:
        if self.evaluation_rank is not None and self.evaluation_rank > self.rank:
            raise ValueError(
                f"expected evaluation_rank between 1 and rank ({self.rank}), found {self.evaluation_rank}: "
                "lower evaluation_rank or raise rank"
            )
        return self


class AdaLoRAConfig(LowRankConfig):
    """Hyper-parameters of AdaLoRA; steps are optimizer steps."""

    name: Literal["adalora"] = "adalora"
    initial_rank: int = Field(ge=1, description="Rank of every matrix at the start (r).")
    target_rank: int = Field(ge=1, description="Average rank per matrix at the end.")
    initial_warmup: int = Field(ge=0, description="Steps before the budget begins to fall (t_i).")
    final_warmup: int = Field(ge=0, description="Last steps, in which the pattern of ranks is fixed (t_f).")
    mask_interval: int = Field(ge=1, description="Steps between two allocations while the budget falls (Delta_T).")
    beta1: float = Field(default=0.85, gt=0, lt=1, description="Decay of the averaged sensitivity (beta_1).")
    beta2: float = Field(default=0.85, gt=0, lt=1, description="Decay of the averaged uncertainty (beta_2).")
    orthogonality_weight: float = Field(default=0.1, ge=0, description="Weight of the penalty in the loss (gamma).")

    @model_validator(mode="after")
    def _rank_falls(self) -> Self:
        if self.target_rank > self.initial_rank:
            raise ValueError(
                f"expected target_rank at most initial_rank ({self.initial_rank}), found {self.target_rank}: "
                "lower target_rank or raise initial_rank"
            )
        return self


class DeltaLoRAConfig(LowRankConfig):
    """Hyper-parameters of Delta-LoRA; `dropout` is 0 but for the ablation "Delta-LoRA + LoRA Module" (Table 5)."""

    name: Literal["delta_lora"] = "delta_lora"
    rank: int = Field(ge=1, description="Rank of A and B (r).")
    update_ratio: float = Field(ge=0, description="Weight of the delta in W's update (lambda); 0 is LoRA.")
    start_step: int = Field(
        ge=-1, description="K: W first moves at 0-based step K+1 (start=algorithm: t > K) or K (start=text: t >= K)."
    )
    start: Literal["algorithm", "text"] = Field(
        default="algorithm",
        description="Whether W moves at 0-based step t when t > K (Algorithm 1) or when t >= K (the text's wording).",
    )
    update: Literal["literal", "closed_form"] = Field(
        default="literal", description="Whether every update is written into W, or computed from A_k and B_k instead."
    )

    @model_validator(mode="after")
    def _closed_form_has_no_dropout(self) -> Self:
        if self.update == "closed_form" and self.dropout > 0:
            raise ValueError(
                f"expected dropout 0 with update=closed_form, found {self.dropout}: there W's change goes through the "
                "branch, and dropout would reach it; set method.update=literal for this ablation"
            )
        return self


#: The one list of methods.
AnyMethodConfig = Annotated[
    FullConfig
    | FrozenEmbeddingsConfig
    | QueryValueConfig
    | LoRAConfig
    | DyLoRAConfig
    | AdaLoRAConfig
    | DeltaLoRAConfig,
    Field(discriminator="name"),
]

#: method.name -> its configuration.
METHODS: Mapping[str, type[MethodConfig]] = by_name(AnyMethodConfig)


def parse_method_config(values: Mapping[str, object]) -> MethodConfig:
    """Validate a plain mapping with a `name` into that method's configuration.

    Raises:
        ConfigError: The name is unknown, or a value is missing, unknown or out of range; the first fault is named.
    """
    name = values.get("name")
    if not isinstance(name, str) or name not in METHODS:
        raise ConfigError(
            f"expected method.name to be one of {', '.join(METHODS)}, found {name!r}: choose one of these"
        )
    try:
        return METHODS[name].model_validate(dict(values))
    except ValidationError as error:
        fault = error.errors()[0]
        if fault["type"] == "value_error":
            raise ConfigError(f"method {name}: {fault['msg'].removeprefix('Value error, ')}") from None
        key, keys = ".".join(["method", *map(str, fault["loc"])]), ", ".join(METHODS[name].model_fields)
        raise ConfigError(
            f"{key} of method {name}: {fault['msg']}, found {fault['input']!r}: correct it (keys: {keys})"
        ) from None

"""From Hydra's composition to one frozen, validated `RunConfig`.

Here live the schema of a run (`schema`), its composition from `conf/` (`compose`) and the one-line texts of what is
wrong (`complaints`). Nothing here reads data or weights, and no other room reads Hydra's objects.
"""

from deltalora.config.compose import (
    Composition,
    compose,
    conf_error,
    config_dir,
    expand,
    register_resolvers,
    table_runs,
    to_run_config,
)
from deltalora.config.schema import (
    DecodingConfig,
    DropoutConfig,
    HubConfig,
    LimitsConfig,
    LoggerConfig,
    ModelConfig,
    RunConfig,
    RuntimeConfig,
    TaskConfig,
    TrainConfig,
)

__all__ = [
    "Composition",
    "DecodingConfig",
    "DropoutConfig",
    "HubConfig",
    "LimitsConfig",
    "LoggerConfig",
    "ModelConfig",
    "RunConfig",
    "RuntimeConfig",
    "TaskConfig",
    "TrainConfig",
    "compose",
    "conf_error",
    "config_dir",
    "expand",
    "register_resolvers",
    "table_runs",
    "to_run_config",
]

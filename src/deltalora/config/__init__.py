"""From Hydra's composition to one frozen, validated `RunConfig`.

Here: the schema of a run (`schema`, `task`, `methods`), the backbone families (`architectures`), the composition from
`conf/` (`compose`) and one-line error texts (`errors`). Nothing here reads data or weights or needs torch.
"""

from deltalora.config.compose import (
    Composition,
    TableRun,
    compose,
    conf_error,
    config_dir,
    expand,
    register_resolvers,
    run_config,
    table_runs,
    to_run_config,
)
from deltalora.config.methods import (
    METHODS,
    DeltaLoRAConfig,
    MethodConfig,
    parse_method_config,
)
from deltalora.config.schema import (
    DecodingConfig,
    LoggerConfig,
    ModelConfig,
    RunConfig,
    RuntimeConfig,
    TrainConfig,
)
from deltalora.config.task import (
    AnyTaskConfig,
    E2EConfig,
    GlueConfig,
    HubConfig,
    LimitsConfig,
    TaskConfig,
    WebNLGConfig,
    XSumConfig,
)

__all__ = [
    "METHODS",
    "AnyTaskConfig",
    "Composition",
    "DecodingConfig",
    "DeltaLoRAConfig",
    "E2EConfig",
    "GlueConfig",
    "HubConfig",
    "LimitsConfig",
    "LoggerConfig",
    "MethodConfig",
    "ModelConfig",
    "RunConfig",
    "RuntimeConfig",
    "TableRun",
    "TaskConfig",
    "TrainConfig",
    "WebNLGConfig",
    "XSumConfig",
    "compose",
    "conf_error",
    "config_dir",
    "expand",
    "parse_method_config",
    "register_resolvers",
    "run_config",
    "table_runs",
    "to_run_config",
]

"""A run's configuration: composed by Hydra from `conf/`, then frozen and validated as one `RunConfig`."""

from deltalora.config.compose import (
    TableRun,
    compose,
    config_dir,
    expand,
    register_resolvers,
    run_config,
    table_runs,
    to_run_config,
)
from deltalora.config.errors import conf_error
from deltalora.config.methods import METHODS, DeltaLoRAConfig, parse_method_config
from deltalora.config.schema import DecodingConfig, ModelConfig, RunConfig, TrainConfig
from deltalora.config.task import E2EConfig, GlueConfig, WebNLGConfig, XSumConfig

__all__ = [
    "METHODS",
    "DecodingConfig",
    "DeltaLoRAConfig",
    "E2EConfig",
    "GlueConfig",
    "ModelConfig",
    "RunConfig",
    "TableRun",
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

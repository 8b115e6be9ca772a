"""Compose `conf/` with Hydra, and turn the result into `RunConfig`s.

Hydra and OmegaConf are imported where they are used: a command that only reads records waits for neither.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from deltalora.config import errors
from deltalora.config.schema import RunConfig
from deltalora.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

#: Keys that only feed other keys; they are resolved away and no run sees them.
_SCAFFOLD = ("recipe",)

#: Keys of Delta-LoRA whose controls must follow; they are set through the recipe, which all of them read.
_SET_BY_RECIPE = ("method.update_ratio", "method.start_step")


def config_dir() -> Path:
    """Return the folder of configuration files: beside `src/` in a checkout, inside an installed package."""
    installed = Path(str(resources.files("deltalora"))) / "conf"
    if installed.is_dir():
        return installed
    checkout = Path(__file__).resolve().parents[3] / "conf"
    if (checkout / "train.yaml").is_file():
        return checkout
    raise ConfigError(f"conf/train.yaml is neither in the package nor at {checkout}: install deltalora again")


def register_resolvers() -> None:
    """Register arithmetic for derived values: `mul:a,b`, `add:a,b`, `steps:fraction,total`, `scaled:steps,scale`."""
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("mul", _product, replace=True)
    OmegaConf.register_new_resolver("add", lambda a, b: a + b, replace=True)
    OmegaConf.register_new_resolver("steps", _steps, replace=True)
    OmegaConf.register_new_resolver("scaled", lambda steps, scale: round(steps * scale), replace=True)


def _product(a: float, b: float) -> float:
    """Multiply decimals as written: 3 * 2.0e-4 is the 6.0e-4 of the paper's Table 6, not 6.000000000000001e-4."""
    return float(Decimal(str(a)) * Decimal(str(b)))


def _steps(fraction: float, total: int | None) -> int:
    if total is None:
        raise ValueError("this scale's schedule is a fraction of train.max_steps: set train.max_steps to a number")
    return round(fraction * total)


def conf_error(error: Exception, overrides: Sequence[str]) -> ConfigError:
    """Return an error of Hydra's or OmegaConf's as ours."""
    return errors.from_hydra(error, overrides)


@dataclass(frozen=True)
class Composition:
    """The job's configuration as Hydra composed it, and the sweep that a table file requests."""

    config: "DictConfig"
    choices: Mapping[str, str]
    sweep: Mapping[str, str]


def compose(overrides: Sequence[str]) -> Composition:
    """Compose `train.yaml` with overrides, without running anything.

    Raises:
        ConfigError: An override names no key or no choice, or cannot be parsed.
    """
    _refuse_what_the_recipe_sets(overrides)
    with _hydra(overrides):
        import hydra
        from omegaconf import OmegaConf

        whole = hydra.compose("train", overrides=list(overrides), return_hydra_config=True)
    sweep = whole.hydra.sweeper.params or {}
    job = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
    return Composition(job, dict(whole.hydra.runtime.choices), {str(key): str(value) for key, value in sweep.items()})


def _refuse_what_the_recipe_sets(overrides: Sequence[str]) -> None:
    """Refuse to set on one method alone what its file reads from the recipe; `++method.KEY=` still states any value."""
    for override in overrides:
        key, _, value = override.partition("=")
        if key not in _SET_BY_RECIPE:
            continue
        from omegaconf import OmegaConf

        name = key.partition(".")[2]
        written = OmegaConf.to_container(compose([one for one in overrides if one != override]).config, resolve=False)
        method = written.get("method") if isinstance(written, dict) else None
        if isinstance(method, dict) and f"${{recipe.{name}}}" in str(method.get(name)):
            scaled = ", to be multiplied by recipe.start_step_scale" if name == "start_step" else ""
            raise ConfigError(
                f"expected recipe.{name}, which {key} and the controls follow, found {override}: "
                f"set recipe.{name}={value}{scaled}"
            )


def expand(overrides: Sequence[str], multirun: bool) -> list[list[str]] | None:
    """Return the overrides of every job that Hydra's sweeper will launch, in its order.

    Args:
        overrides: As given on the command line, sweeps included.
        multirun: Whether -m was given; a table file requests a multirun without it.

    Returns:
        One list of overrides per job, without those of Hydra itself, or None for a single run.

    Raises:
        ConfigError: See `compose`.
    """
    with _hydra(overrides) as parse:
        fixed = [one.input_line for one in parse(overrides) if not (multirun and one.is_sweep_override())]
    sweep = compose(fixed).sweep
    if not multirun and not sweep:
        return None
    with _hydra(overrides) as parse:
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

        swept = parse([*(f"{key}={value}" for key, value in sweep.items()), *overrides])
        batches = BasicSweeper.split_arguments(swept, max_batch_size=None)
    return [[one for one in job if not one.startswith("hydra.")] for batch in batches for job in batch]


@contextmanager
def _hydra(overrides: Sequence[str]) -> Iterator[Any]:
    """Open Hydra on `conf/` and give its parser of overrides; what it refuses becomes a `ConfigError`."""
    import hydra
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    register_resolvers()
    # In one of Hydra's own jobs there is an instance already, of which it allows just one.
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(config_dir()), version_base="1.3", job_name="deltalora"):
            yield OverridesParser.create(config_loader=GlobalHydra.instance().config_loader()).parse_overrides
    # A group set to null is a bare ValueError of Hydra's, and a key under `params: null` an assertion of OmegaConf's.
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
        raise conf_error(error, overrides) from error
    finally:
        GlobalHydra.instance().hydra = running


def to_run_config(config: "DictConfig", choices: Mapping[str, str], overrides: Sequence[str]) -> RunConfig:
    """Resolve every interpolation and check the whole.

    Args:
        config: The job's configuration as Hydra hands it over.
        choices: Group -> chosen file (`HydraConfig.get().runtime.choices`), which name the row, experiment and scale.
        overrides: The job's; where a run starts from another run, that one gets them, too.

    Raises:
        ConfigError: A wrong key, type or combination, with the way to correct it.
    """
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    plain: dict[str, Any] = {}
    try:
        # Key by key: scaffolding that no run uses need not be resolvable.
        for key in (str(key) for key in config if key not in _SCAFFOLD):
            value = config[key]
            whole = isinstance(value, DictConfig)
            plain[key] = OmegaConf.to_container(value, resolve=True, throw_on_missing=True) if whole else value
    except OmegaConfBaseException as error:
        raise conf_error(error, ()) from error
    plain |= {"scale": choices["scale"], "experiment": choices["experiment"], "row": choices["method"]}
    if isinstance(plain.get("method"), dict):
        plain["method"].pop("rate", None)  # chose train.learning_rate; nothing is left for it to say
    table = plain["runtime"].get("table") if isinstance(plain.get("runtime"), dict) else None
    first = _run_before(plain.get("init_from"), [*overrides, *([f"runtime.table={table}"] if table else [])])
    plain["init_from"] = None if first is None else first.model_dump(mode="json")
    try:
        # Through JSON, so that types are taken strictly (no "8" for 8) while lists may stand for tuples.
        return RunConfig.model_validate_json(json.dumps(plain), strict=True)
    except ValidationError as error:
        raise errors.from_validation(error, plain) from error


def _run_before(init_from: object, overrides: Sequence[str]) -> RunConfig | None:
    """Return the run that a run starts from: the same row, seed, scale and overrides on the GLUE task of that name."""
    if init_from == "none":
        return None
    if init_from != "mnli":
        raise ConfigError(f"init_from: input should be none or mnli, found {init_from!r}")
    own = ("experiment=", "init_from=", "+table=", "hydra.", "+hydra.", "++hydra.")
    return run_config(["experiment=glue/mnli", *(one for one in overrides if not one.startswith(own))])


def run_config(overrides: Sequence[str]) -> RunConfig:
    """Return the one run that overrides without a sweep describe.

    Raises:
        ConfigError: See `compose` and `to_run_config`.
    """
    seeds = [one for one in overrides if "seed" in one]
    if len(seeds) == 1 and re.fullmatch(r"seed=\d+", seeds[0]):  # composing takes 0.15 s: once for all seeds of a row
        return _with_seed(_run_config(tuple(one for one in overrides if one not in seeds)), int(seeds[0][5:]))
    return _run_config(tuple(overrides))


def _with_seed(config: RunConfig, seed: int) -> RunConfig:
    first = config.init_from
    return config.model_copy(update={"seed": seed, "init_from": None if first is None else _with_seed(first, seed)})


@cache
def _run_config(overrides: tuple[str, ...]) -> RunConfig:
    """Compose each run once per process: thirty runs of Table 4 start from ten runs of MNLI."""
    composed = compose(overrides)
    return to_run_config(composed.config, composed.choices, overrides)


@dataclass(frozen=True)
class TableRun:
    """One run of a table.

    Attributes:
        config: The run.
        swept: Swept key -> its value in this run, as written, e.g. {"recipe.update_ratio": "2", "seed": "1"}.
    """

    config: RunConfig
    swept: Mapping[str, str]


def table_runs(table: str, overrides: Sequence[str]) -> list[TableRun]:
    """Return the runs that make up a table, in the order of its file: rows outermost, seeds innermost.

    Args:
        table: A file of `conf/table`, e.g. "table1".
        overrides: Further overrides; those of `hydra.sweeper.params.*` replace the table's rows or seeds.
    """
    wanted = [f"+table={table}", *overrides]
    jobs = expand(wanted, multirun=False)
    if jobs is None:
        raise ConfigError(f"conf/table/{table}.yaml states no sweep: give it hydra.sweeper.params")
    keys = compose([one for one in wanted if not one.startswith("hydra.sweeper")]).sweep
    return [TableRun(run_config(job), _swept(job, keys)) for job in jobs]


def _swept(job: Sequence[str], keys: Mapping[str, str]) -> dict[str, str]:
    pairs = (one.partition("=") for one in job)
    return {key: value for key, _, value in pairs if key in keys}

"""The ids of a run, and the data and weights they are computed from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from deltalora import RESULTS_VERSION, models, results, tasks
from deltalora.config.schema import RunConfig
from deltalora.config.task import Section

T = TypeVar("T")


class RunName(NamedTuple):
    """The ids of a run."""

    config_id: str
    run_id: str


@dataclass(frozen=True)
class RunInputs:
    """A run's ids and the data and weights they were computed from.

    Attributes:
        config_id: Shared by the seeds of a row.
        run_id: The run's name in the store.
        model: The weights' files; not loaded.
        data: The examples.
        parent: The run whose adapted weights this one starts from; None without `init_from`.
    """

    config_id: str
    run_id: str
    model: models.ModelIdentity
    data: tasks.TaskData[Any, Any]
    parent: "RunInputs | None"


def identify_run(config: RunConfig) -> RunInputs:
    """Hash configuration, data and weights into the run's id.

    Raises:
        UserError: Data or weights are not there or cannot be read.
    """
    parent = identify_run(config.init_from) if config.init_from is not None else None
    model = models.identify(config.model)
    data = tasks.build_task(config).load()
    name = _name(config, data.files, model.sha256, parent.run_id if parent is not None else None)
    return RunInputs(name.config_id, name.run_id, model, data, parent)


def name_runs(configs: Iterable[RunConfig]) -> list[RunName]:
    """Return the ids that `identify_run` gives, for many runs: shared data and weights are read once, and none is kept.

    Raises:
        UserError: Data or weights are not there or cannot be read.
    """
    files: dict[str, Mapping[str, str]] = {}
    weights: dict[str, str] = {}

    def name(config: RunConfig) -> RunName:
        parent = name(config.init_from).run_id if config.init_from is not None else None
        of_data = _kept(files, config.task, lambda: tasks.build_task(config).load().files)
        of_weights = _kept(weights, config.model, lambda: models.identify(config.model).sha256)
        return _name(config, of_data, of_weights, parent)

    return [name(config) for config in configs]


def _name(config: RunConfig, files: Mapping[str, str], weights: str, parent: str | None) -> RunName:
    config_id = results.config_id(config.scientific())
    start = weights if parent is None else f"{weights} after run {parent}"
    return RunName(config_id, results.run_id(config_id, config.seed, files, start, RESULTS_VERSION))


def _kept(found: dict[str, T], section: Section, find: Callable[[], T]) -> T:
    key = section.model_dump_json()
    if key not in found:
        found[key] = find()
    return found[key]

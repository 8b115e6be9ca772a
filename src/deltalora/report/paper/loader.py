"""Types and loaders of the transcribed tables."""

from functools import cache
from importlib.resources import files
from typing import Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from deltalora.errors import StoreError

#: The source of every value that is null.
UNAVAILABLE = "not available to the transcriber"


class _PaperModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PaperValue(_PaperModel):
    """One printed number."""

    value: float | None = Field(description="As printed; None if it could not be read.")
    source: str = Field(description="Where it was read; one of the table's `sources`.")

    @model_validator(mode="after")
    def _null_means_unavailable(self) -> Self:
        if (self.value is None) != (self.source == UNAVAILABLE):
            raise ValueError(f"a value is null exactly if its source is '{UNAVAILABLE}'")
        return self


class PaperCount(_PaperModel):
    """One printed number of parameters, kept as text because its unit is not always what 'M' says."""

    text: str = Field(description="As printed, e.g. '0.375M'.")
    source: str = Field(description="Where it was read; one of the table's `sources`.")


class MetricColumn(_PaperModel):
    """A metric's column: unit, direction and digits."""

    name: str
    factor: float = Field(gt=0, description="Table unit = factor * record unit; 100 where records hold fractions.")
    higher_is_better: bool
    paper_decimals: int = Field(ge=0, description="Digits the paper prints.")
    our_decimals: int = Field(ge=0, description="Digits we print.")


class PaperRow(_PaperModel):
    """One method's row."""

    row: str = Field(description="Name in conf/method.")
    label: str = Field(description="Name to print.")
    trainable: PaperCount
    extra_updatable: PaperCount | None = None
    parameter_note: str | None = Field(default=None, description="Where the printed count differs from the exact one.")
    scores: dict[str, PaperValue]


class PaperTable(_PaperModel):
    """A table of results."""

    name: str
    title: str
    setting: str = Field(description="What the paper's numbers are of: backbone and data.")
    experiment: str = Field(description="Name in conf/experiment.")
    reference_row: str = Field(description="The row effects are measured from.")
    sources: tuple[str, ...] = Field(description="Every place numbers were read.")
    metrics: tuple[MetricColumn, ...]
    rows: tuple[PaperRow, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        names = {metric.name for metric in self.metrics}
        for row in self.rows:
            if set(row.scores) != names:
                raise ValueError(f"row {row.row} must have a value (or null) for each of {sorted(names)}")
            for value in (row.trainable, row.extra_updatable, *row.scores.values()):
                if value is not None and value.source not in self.sources:
                    raise ValueError(f"row {row.row} has a value from {value.source!r}, which is none of the sources")
        if self.row(self.reference_row) is None:
            raise ValueError(f"reference_row {self.reference_row} is no row of the table")
        return self

    def row(self, name: str) -> PaperRow | None:
        """The paper's row of that name, or None: a control of ours has none."""
        return next((row for row in self.rows if row.row == name), None)


class HyperparameterTable(_PaperModel):
    """A table of settings: one value for each column (task)."""

    name: str
    title: str
    columns: tuple[str, ...]
    source: str
    values: dict[str, tuple[float | str, ...]]

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        for key, values in self.values.items():
            if len(values) != len(self.columns):
                raise ValueError(f"{key} must have {len(self.columns)} values, one for each of {self.columns}")
        return self

    def column(self, task: str) -> dict[str, float | str]:
        """All settings of one task.

        Raises:
            StoreError: The table has no such column.
        """
        if task not in self.columns:
            raise StoreError(f"{self.name}: expected one of {', '.join(self.columns)}, found {task!r}; choose one")
        index = self.columns.index(task)
        return {key: values[index] for key, values in self.values.items()}


T = TypeVar("T", bound=_PaperModel)


@cache
def paper_table(name: str) -> PaperTable:
    """The paper's table of results of that name, e.g. 'table1'.

    Raises:
        StoreError: No such table was transcribed, or it is not a table of results.
    """
    return _load(PaperTable, name)


@cache
def hyperparameter_table(name: str) -> HyperparameterTable:
    """The paper's table of settings of that name, e.g. 'table10'.

    Raises:
        StoreError: No such table was transcribed, or it is not a table of settings.
    """
    return _load(HyperparameterTable, name)


def _load(model: type[T], name: str) -> T:
    folder = files(__package__)
    known = sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    if name not in known:
        raise StoreError(f"paper tables: expected one of {', '.join(known)}, found {name!r}; choose one of these")
    content = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    try:
        return model.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"]) or "the whole file"
        raise StoreError(f"{name}.yaml: {key}: {fault['msg']}; it is not a {model.__name__}, mend the file") from error

"""The paper's tables as data: what arXiv 2309.02411 prints and nothing of ours, transcribed in `paper_tables/`."""

from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from deltalora.errors import StoreError
from deltalora.report.divergences import divergences, read_yaml
from deltalora.results.table_request import heading


def _in_the_register(tag: str) -> str:
    if tag not in divergences():
        raise ValueError(f"{tag!r} is no tag of report/divergences.yaml")
    return tag


#: Entries of the divergence register that touch a table.
Tags = tuple[Annotated[str, AfterValidator(_in_the_register)], ...]
#: The cells of a row, e.g. `69.58 8.75 46.34`, each as printed.
Line = Annotated[tuple[str, ...], BeforeValidator(lambda line: tuple(line.split()) if isinstance(line, str) else line)]


class _PaperModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MetricColumn(_PaperModel):
    """A column: which score it shows, its unit, direction and digits."""

    name: str = Field(description="As printed; names the column within its table.")
    metric: str | None = Field(default=None, description="Name of the score in the records; None: as `name`.")
    part: str | None = Field(default=None, description="The part whose runs fill it; None: the table's only one.")
    mean_of: tuple[str, ...] = Field(default=(), description="Columns it is the mean of, by seed; computed, not read.")
    block: int = Field(default=1, description="Columns of one block stand in one grid; a terminal is narrow.")
    #: Of the records: 0 to 1; -1 to 1; or 0 and more (NIST, CIDEr, and TER, which may exceed 1).
    unit: Literal["fraction", "correlation", "unbounded"]
    factor: float = Field(gt=0, description="Table unit = factor * record unit; 100 where records hold fractions.")
    higher_is_better: bool
    in_paper: bool = Field(default=True, description="Whether the paper prints such a column at all.")
    paper_decimals: int = Field(ge=0, description="Digits the paper prints.")
    our_decimals: int = Field(ge=0, description="Digits we print.")

    @property
    def score(self) -> str:
        """The score's name in the records."""
        return self.metric or self.name

    @property
    def title(self) -> str:
        """The name with an arrow to the better direction."""
        return f"{self.name} {'↑' if self.higher_is_better else '↓'}"


class PaperRow(_PaperModel):
    """One row: of a method, or of one value of the key that the table varies."""

    row: str = Field(description="Name in conf/method; in a table that varies a key, its value.")
    label: str = Field(description="Name to print.")
    quoted: str | None = Field(default=None, description="Whose numbers these are, where the authors ran nothing.")
    printed: Line = Field(default=(), description="The cells left of the scores, one for each of the table's.")
    scores: Line = Field(description="The scores, one for each column that the paper prints.")
    parameter_note: str | None = Field(default=None, description="Where the printed count differs from the exact one.")


class PaperTable(_PaperModel):
    """A table of results."""

    name: str
    title: str
    setting: str = Field(description="What the paper's numbers are of: backbone and data.")
    parts: tuple[str, ...] = Field(min_length=1, description="Names in conf/experiment; a row has runs of each.")
    vary: str | None = Field(default=None, description="The swept key whose values are the rows; None: methods are.")
    reference_row: str = Field(description="The row effects are measured from.")
    printed: tuple[str, ...] = Field(default=(), description="Names of the columns left of the scores.")
    metrics: tuple[MetricColumn, ...]
    rows: tuple[PaperRow, ...]
    notes: tuple[str, ...] = Field(default=(), description="What a reader must know of this table, in sentences.")
    divergences: Tags = Field(default=(), description="Tags of the register's entries that touch this table.")

    @model_validator(mode="after")
    def _columns_are_of_the_parts(self) -> Self:
        names = [column.name for column in self.metrics]
        read = {column.name for column in self.metrics if not column.mean_of}
        if len(set(names)) != len(names):
            raise ValueError("two columns have the same name")
        for column in self.metrics:
            if unknown := set(column.mean_of) - read:
                raise ValueError(f"column {column.name} must be a mean of columns that are read, found {unknown}")
            if not column.mean_of and (column.part or self.parts[0]) not in self.parts:
                raise ValueError(f"column {column.name} has part {column.part}, which is none of {self.parts}")
            if not column.mean_of and column.part is None and len(self.parts) > 1:
                raise ValueError(f"column {column.name} must name its part, one of {self.parts}")
        return self

    def of(self, experiment: str) -> Self:
        """Return this table; for an experiment that stands in no table of the paper, its columns without its rows."""
        known = {part for number in (1, 2, 3, 4) for part in paper_table(f"table{number}").parts}
        if experiment in known or len(self.parts) > 1:
            return self
        title, setting = (
            f"{experiment}, in the columns of {heading(self.name)}",
            f"{experiment}, not in the paper",
        )
        own = {"parts": (experiment,), "title": title, "setting": setting}
        return self.model_copy(update=own | {"rows": (), "notes": (), "divergences": ()})

    @model_validator(mode="after")
    def _every_row_has_every_cell(self) -> Self:
        for row in self.rows:
            for cells, columns in ((row.printed, self.printed), (row.scores, self.score_columns)):
                if len(cells) != len(columns):
                    raise ValueError(f"row {row.row} must have a cell for each of {columns}, found {cells}")
            try:
                self.scores(row.row)
            except InvalidOperation as error:
                raise ValueError(f"row {row.row} must have numbers for scores, found {row.scores}") from error
        if self.row(self.reference_row) is None:
            raise ValueError(f"reference_row {self.reference_row} is no row of the table")
        return self

    @property
    def score_columns(self) -> tuple[str, ...]:
        """The columns of scores that the paper prints, from left to right."""
        return tuple(column.name for column in self.metrics if column.in_paper)

    def row(self, name: str) -> PaperRow | None:
        """The paper's row of that name, or None: a control of ours has none."""
        return next((row for row in self.rows if row.row == name), None)

    def scores(self, row: str) -> dict[str, Decimal]:
        """Column -> number with its printed digits; empty for a row that the paper does not have."""
        found = self.row(row)
        return {} if found is None else dict(zip(self.score_columns, map(Decimal, found.scores), strict=True))

    def printed_in(self, row: str) -> dict[str, str]:
        """Column left of the scores -> its cell as printed; without the cells that hold a dash."""
        found = self.row(row)
        cells = () if found is None else zip(self.printed, found.printed, strict=True)
        return {column: text for column, text in cells if text != "-"}


class HyperparameterTable(_PaperModel):
    """A table of settings: one value for each column (task)."""

    name: str
    title: str
    columns: tuple[str, ...] = Field(description="Names in conf/experiment, without the folder.")
    source: str
    remarks: dict[str, str] = Field(default={}, description="Key -> how it was read, where that needs a word.")
    values: dict[str, tuple[float | str, ...]] = Field(description="Key -> one value per column.")
    divergences: Tags = Field(default=(), description="Tags of the register's entries that touch these settings.")

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        for key, values in self.values.items():
            if len(values) != len(self.columns):
                raise ValueError(f"{key} must have {len(self.columns)} values, one for each of {self.columns}")
        if unknown := self.remarks.keys() - self.values.keys():
            raise ValueError(f"remarks on {sorted(unknown)}, which are no keys of the table")
        return self

    def column(self, task: str) -> dict[str, float | str]:
        """All settings of one task; a `StoreError` if the table has no such column."""
        if task not in self.columns:
            raise StoreError(f"{self.name}: expected one of {', '.join(self.columns)}, found {task!r}; choose one")
        index = self.columns.index(task)
        return {key: values[index] for key, values in self.values.items()}


class FigureRow(_PaperModel):
    """One line of a figure."""

    row: str = Field(description="Name in conf/method.")
    label: str = Field(description="Name to print.")


class PaperFigure(_PaperModel):
    """A figure: what it shows, without its curves, which the paper gives as a picture alone."""

    name: str
    title: str
    setting: str = Field(description="What the paper's curves are of: backbone and data.")
    experiment: str = Field(description="Name in conf/experiment.")
    rows: tuple[FigureRow, ...]
    notes: tuple[str, ...] = Field(default=(), description="What a reader must know of this figure, in sentences.")
    divergences: Tags = Field(default=(), description="Tags of the register's entries that touch this figure.")


T = TypeVar("T", bound=_PaperModel)


@cache
def paper_table(name: str) -> PaperTable:
    """The paper's table of results of that name, e.g. 'table1'; a `StoreError` if there is none."""
    return _load(PaperTable, name)


@cache
def hyperparameter_table(name: str) -> HyperparameterTable:
    """The paper's table of settings of that name, e.g. 'table10'; a `StoreError` if there is none."""
    return _load(HyperparameterTable, name)


@cache
def paper_figure(name: str) -> PaperFigure:
    """The paper's figure of that name, e.g. 'figure3'; a `StoreError` if there is none."""
    return _load(PaperFigure, name)


def _load(model: type[T], name: str) -> T:
    folder = files(__package__) / "paper_tables"
    names = (entry.name.removesuffix(".yaml") for entry in folder.iterdir())
    known = sorted(names, key=lambda one: (len(one), one))  # table2 before table10
    if name not in known:
        raise StoreError(f"paper tables: expected one of {', '.join(known)}, found {name!r}; choose one of these")
    content = read_yaml((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    try:
        return model.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"]) or "the whole file"
        raise StoreError(f"{name}.yaml: {key}: {fault['msg']}; it is not a {model.__name__}, fix the file") from error

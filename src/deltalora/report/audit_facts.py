"""Operands of the audit: every number a claim computes with is named by where it stands, and read from there.

table1/delta_lora/BLEU       a cell of a table of results
table1/delta_lora/trainable  its printed count of parameters (also extra_updatable)
table14/mnli/start_step      a value of a table of settings
facts/paper_text/e2e_train   a value of report/paper/audit/facts.yaml
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Annotated, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from deltalora.errors import StoreError
from deltalora.report.data_file import read_yaml
from deltalora.report.paper import PaperTable, hyperparameter_table, paper_table

#: Tables of settings; the other tables are of results.
_SETTINGS = ("table10", "table11", "table12", "table13", "table14")


T = TypeVar("T")


class AuditModel(BaseModel):
    """What the audit's data files are made of."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Facts(AuditModel):
    """Values that belong together, and where they are from."""

    source: str = Field(min_length=1)
    values: dict[str, Annotated[Decimal | str | None, Field(union_mode="left_to_right")]] = Field(
        min_length=1, description="Name -> number, words, or None: could not be read."
    )


@dataclass(frozen=True)
class Operand:
    """One value with its name.

    Attributes:
        name: For a reader, e.g. 'Table 1, Delta-LoRA, BLEU'.
        value: A number with its printed digits, words, or None if it could not be read.
        source: Where it is from.
    """

    name: str
    value: Decimal | str | None
    source: str

    @property
    def number(self) -> Decimal | None:
        """The value as a number.

        Raises:
            StoreError: It is words.
        """
        if isinstance(self.value, str):
            raise StoreError(f"audit: expected a number at {self.name}, found {self.value!r}; mend the claim")
        return self.value

    @property
    def needed(self) -> Decimal:
        """The number, where a claim makes no sense without it.

        Raises:
            StoreError: It is words or could not be read.
        """
        if self.number is None:
            raise StoreError(f"audit: expected a number at {self.name}, found none; mend the claim or the data")
        return self.number

    @property
    def text(self) -> str:
        """The value to print."""
        if self.value is None:
            return "n/a"
        return self.value if isinstance(self.value, str) else f"{self.value:,}"


def read(reference: str) -> Operand:
    """The operand of that name; see the module's own words for the four forms.

    Raises:
        StoreError: There is none.
    """
    table, _, rest = reference.partition("/")
    row, _, column = rest.partition("/")
    if not row or not column:
        raise StoreError(f"audit: expected an operand table/row/column, found {reference!r}; mend the claim")
    if table == "facts":
        group = facts().get(row)
        if group is None or column not in group.values:
            raise StoreError(
                f"audit: expected a value of audit/facts.yaml, found {reference!r}; add it or mend the claim"
            )
        return Operand(f"{column.replace('_', ' ')} ({row.replace('_', ' ')})", group.values[column], group.source)
    if table in _SETTINGS:
        settings = hyperparameter_table(table)
        if row not in settings.columns or column not in settings.values:
            raise StoreError(f"audit: {settings.name} has no {reference!r}; mend the claim")
        value = settings.values[column][settings.columns.index(row)]
        return Operand(f"{table_name(table)}, {row}, {column}", _exact(value), settings.source)
    return _cell(paper_table(table), row, column)


def table_name(table: str) -> str:
    """'table10' as 'Table 10'."""
    return table.replace("table", "Table ")


def _cell(table: PaperTable, name: str, column: str) -> Operand:
    row = table.row(name)
    if row is None:
        raise StoreError(f"audit: {table.name} has no row {name!r}; mend the claim")
    printed = f"{table_name(table.name)}, {row.label}, {column}"
    if column in ("trainable", "extra_updatable"):
        count = row.trainable if column == "trainable" else row.extra_updatable
        if count is None:
            raise StoreError(f"audit: {printed}: expected a count, found none; mend the claim")
        return Operand(printed, millions(count.text), count.source)
    found = [one for one in table.metrics if one.name == column]
    if not found or column not in row.scores:
        raise StoreError(f"audit: {table.name} has no column {column!r}; mend the claim")
    cell = row.scores[column]
    value = None if cell.value is None else Decimal(f"{cell.value:.{found[0].paper_decimals}f}")
    return Operand(printed, value, cell.source)


def millions(text: str) -> Decimal:
    """'0.375M' as 0.375.

    Raises:
        StoreError: The text is no such count.
    """
    try:
        return Decimal(text.removesuffix("M"))
    except InvalidOperation as error:
        raise StoreError(f"audit: expected a count such as 0.375M, found {text!r}; mend the table") from error


def _exact(value: float | str | None) -> Decimal | str | None:
    return Decimal(str(value)).normalize() + 0 if isinstance(value, (int, float)) else value


@cache
def facts() -> Mapping[str, Facts]:
    """The groups of facts.yaml by name.

    Raises:
        StoreError: The file is malformed.
    """
    return load("facts", TypeAdapter(dict[str, Facts]))


def load(name: str, form: TypeAdapter[T]) -> T:
    """One data file of the audit.

    Raises:
        StoreError: The file is malformed.
    """
    path = files("deltalora.report.paper") / "audit" / f"{name}.yaml"
    try:
        return form.validate_python(read_yaml(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise StoreError(f"report/paper/audit/{name}.yaml: {' '.join(str(error).split())}; mend the file") from error


def _exists(reference: str) -> str:
    read(reference)
    return reference


#: The name of an operand that exists.
Reference = Annotated[str, AfterValidator(_exists)]

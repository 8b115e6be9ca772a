"""A table as JSON: every number unrounded, in the unit of the table, with the names `table` gives them."""

import dataclasses
import json
from decimal import Decimal

from deltalora.report.document import document
from deltalora.report.statistics import ALPHA, CONFIDENCE, POWER
from deltalora.report.table import Table


def to_json(table: Table) -> str:
    """Return the whole table as one indented JSON object; null means that there is no such number.

    Every row has its runs under `parts`: experiment -> `seeds`: seed -> run id, the folder of the record, and the value
    of every column the run fills. Columns that are means of others stand under `computed`. Every cell of a difference
    has its evidence: `over_seeds`, and `over_examples`, which is null without segment statistics, and only has a
    `reason` where two rows cannot be compared.
    """
    content = {
        "name": table.name,
        "title": table.title,
        "setting": table.setting,
        "reference": table.reference,
        "parts": list(table.parts),
        "vary": table.vary,
        "comparable_with_paper": table.comparable,
        "departures_from_paper": list(table.departures),
        "confidence": CONFIDENCE,
        "settings": list(table.settings),
        "columns": [column.model_dump() for column in table.columns],
        "rows": [dataclasses.asdict(row) for row in table.rows],
        "control_effects": [dataclasses.asdict(effect) for effect in table.control_effects],
        "holm_families": [dataclasses.asdict(family) for family in table.families],
        "alpha": ALPHA,
        "power": POWER,
        "unfinished": [dataclasses.asdict(run) for run in table.unfinished],
        "notes": list(document(table).notes),
        "divergences": list(table.divergences),
        "provenance": dataclasses.asdict(table.provenance),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def _plain(value: object) -> float:
    """The paper's numbers are kept with their printed digits; JSON has none."""
    assert isinstance(value, Decimal), value
    return float(value)

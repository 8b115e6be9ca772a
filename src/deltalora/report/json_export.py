"""A table as JSON: every number unrounded, in the unit of the table, with the names `table` gives them."""

import json
from decimal import Decimal
from typing import Any

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
        "parts": table.parts,
        "vary": table.vary,
        "comparable_with_paper": table.comparable,
        "departures_from_paper": table.departures,
        "confidence": CONFIDENCE,
        "settings": table.settings,
        "columns": table.columns,
        "rows": table.rows,
        "control_effects": table.control_effects,
        "holm_families": table.families,
        "alpha": ALPHA,
        "power": POWER,
        "unfinished": table.unfinished,
        "notes": document(table).notes,
        "divergences": table.divergences,
        "provenance": table.provenance,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    """The fields of an object; the paper's numbers are kept with their printed digits, which JSON has not."""
    return float(value) if isinstance(value, Decimal) else vars(value)

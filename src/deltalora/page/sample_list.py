"""The list of samples on a run's page: input, prediction, references, and each one's own scores.

The one part of a page that is put together here and not in a template: it is most of the page's texts, and a store may
have ten thousand pages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from deltalora.page.environment import text_html
from deltalora.page.samples import SAMPLES, Samples
from deltalora.results import Prediction, RunRecord, Segments, read_segments

#: Experiment, name of a score and some rows of its statistics -> its value of each row alone; None where one row has
#: none (a correlation). The command hands it in: this room does not know the metrics.
ExampleScores = Callable[[str, str, npt.NDArray[np.float64]], Sequence[float] | None]


@dataclass(frozen=True)
class SampleList:
    """The samples as HTML, and what must be said above them."""

    html: Markup
    note: str


def sample_list(record: RunRecord, folder: Path, shown: Samples, example_scores: ExampleScores | None) -> SampleList:
    """Lay the samples out, each with its own scores, and say why there are none where there are none.

    Raises:
        StoreError: The segment statistics are there and cannot be read.
    """
    if not shown.rows:
        return SampleList(Markup(), "")
    how_many = (
        "spread evenly over the file, first and last among them; not chosen by quality"
        if shown.total > SAMPLES
        else "all there are"
    )
    note = f"{len(shown.rows)} of {shown.total:,} predictions, {how_many}."
    alone: Mapping[str, Sequence[tuple[str, str]]] = {}
    if record.segments is None:
        note += " This record has no statistics of single examples, so the samples have no scores of their own."
    elif not (folder / record.segments.file).is_file():
        note += " The statistics of single examples are not kept with this record."
    elif example_scores is not None:
        segments = read_segments(folder, record.segments)
        alone = _scores_by_id(record.experiment, segments, [row.id for _, row in shown.rows], example_scores)
        note += (
            " The numbers at a sample are its score alone, in the metric's own unit; corpus scores are no mean of them."
        )
    items = "".join(_item(place + 1, row, alone.get(row.id, ())) for place, row in shown.rows)
    return SampleList(Markup('<ol class="samples">\n' + items + "</ol>\n"), note)  # every text in it was escaped


def _item(place: int, row: Prediction, scores: Sequence[tuple[str, str]]) -> str:
    references = "".join(f"<dd>{text_html(one)}</dd>" for one in row.references) or "<dd>(none)</dd>"
    plural = "s" if len(row.references) > 1 else ""
    alone = ", ".join(f"{text_html(name)} {value}" for name, value in scores)
    return (
        f'<li value="{place}"><dl>\n'
        f"<dt>Input <code>{text_html(row.id)}</code></dt><dd>{text_html(row.source)}</dd>\n"
        f'<dt>Prediction</dt><dd class="prediction">{text_html(row.prediction or "(empty)")}</dd>\n'
        f"<dt>Reference{plural}</dt>{references}\n"
        + (f'<dt>Alone</dt><dd class="small">{alone}</dd>\n' if alone else "")
        + "</dl></li>\n"
    )


def _scores_by_id(
    experiment: str, segments: Segments, ids: Sequence[str], example_scores: ExampleScores
) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {one: [] for one in ids}
    for score, rows in segments.statistics.items():
        place_of = {one: place for place, one in enumerate(segments.ids_of(score))}
        here = [one for one in ids if one in place_of]
        values = example_scores(experiment, score, rows[[place_of[one] for one in here]]) if here else None
        for one, value in zip(here, values or (), strict=values is not None):
            found[one].append((score, f"{value:.3g}"))
    return found

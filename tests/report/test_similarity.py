"""Figure 3: from records to data and drawing."""

import csv
import io
import xml.etree.ElementTree as ElementTree

import pytest

from deltalora.errors import StoreError
from deltalora.report import build_figure, figure_to_markdown, paper_figure, to_csv
from deltalora.report.figure import draw
from table_requests import request_of, row_of_runs, runs_of

PAPER = paper_figure("figure3")
ROWS = [row_of_runs(one.row, runs_of(one.row, (1, 2)), one.label) for one in PAPER.rows]
FIGURE, LORA = request_of("figure3", ROWS), request_of("figure3", ROWS[1:2])


def similarity(first: float, layers: int = 3) -> dict[str, float]:
    """Made up: W_Q falls by 0.01 a layer, W_V is 0.1 lower."""
    found = {}
    for layer in range(layers):
        found[f"transformer.h.{layer}.attn.c_attn.q"] = first - 0.01 * layer
        found[f"transformer.h.{layer}.attn.c_attn.v"] = first - 0.1 - 0.01 * layer
    return found


@pytest.fixture
def records(make_record):
    first = {"ft_qv": 0.9, "lora": 0.99, "delta_lora": 0.95}
    return [
        make_record(row, seed, similarity=similarity(start + 0.002 * seed))
        for row, start in first.items()
        for seed in (1, 2)
    ]


def test_every_matrix_of_every_run_is_a_line_of_the_csv_and_leads_to_its_run(records):
    lines = list(csv.DictReader(io.StringIO(to_csv(build_figure(PAPER, FIGURE, records)))))
    assert len(lines) == 3 * 2 * 3 * 2
    assert lines[0] == {
        "row": "ft_qv",
        "seed": "1",
        "layer": "0",
        "matrix": "W_Q",
        "projection": "transformer.h.0.attn.c_attn.q",
        "cosine": repr(0.9 + 0.002),
        "run_id": "ft_qv-1",
    }


def test_the_lines_are_means_over_seeds_by_layer_one_for_each_row_and_matrix(records):
    figure = build_figure(PAPER, FIGURE, records)
    assert [(line.row, line.matrix) for line in figure.lines] == [
        (row, matrix) for matrix in ("W_Q", "W_V") for row in ("ft_qv", "lora", "delta_lora")
    ]
    cosines = figure.lines[4].cosines
    assert list(cosines) == [0, 1, 2]
    assert [summary.mean for summary in cosines.values()] == pytest.approx([0.893, 0.883, 0.873])
    assert cosines[0].n == 2


def test_the_printed_table_says_scale_data_and_what_is_not_the_papers(records):
    text = figure_to_markdown(build_figure(PAPER, FIGURE, records))
    assert "e2e, embedded data, tiny, embedded scale, seeds 1, 2" in text.replace("\\", "")
    assert "0.89300±0.00141" in text
    assert "Ours is not of its setting: scale embedded" in text


def test_layers_are_ordered_as_numbers(make_record):
    figure = build_figure(PAPER, LORA, [make_record("lora", 1, similarity=similarity(0.9, layers=12))])
    assert [point.layer for point in figure.points[::2]] == list(range(12))


@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_same_data_is_drawn_to_the_same_bytes(records, form):
    figure = build_figure(PAPER, FIGURE, records)
    first = draw(figure, form)
    assert first == draw(figure, form)
    if form == "png":
        assert first.startswith(b"\x89PNG")
    else:
        assert ElementTree.fromstring(first).tag.endswith("svg")


def test_other_data_is_drawn_otherwise(records, make_record):
    moved = [record.model_copy(update={"similarity": similarity(0.5)}) for record in records]
    assert draw(build_figure(PAPER, FIGURE, records), "svg") != draw(build_figure(PAPER, FIGURE, moved), "svg")


def test_a_record_of_before_the_similarity_was_measured_is_refused_with_what_to_do(make_record):
    with pytest.raises(StoreError, match=r"run lora-1 \(lora, seed 1\): expected the similarities") as caught:
        build_figure(PAPER, LORA, [make_record("lora", 1)])
    assert "run it again into a new runtime.results_dir" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_row_without_a_finished_run_is_refused_with_the_command(records):
    with pytest.raises(StoreError, match=r"expected a finished run of delta_lora, .*`deltalora train \+table=figure3`"):
        build_figure(PAPER, FIGURE, records[:4])


@pytest.mark.parametrize(
    ("similarities", "fault"),
    [
        (
            {"transformer.h.0.attn.c_attn.k": 0.9},
            "expected projections of W_Q or W_V in a layer, found transformer.h.0",
        ),
        ({"pooler.q": 0.9}, "found pooler.q"),
        (
            {"encoder.layers.0.self_attn.q_proj": 0.9, "decoder.layers.0.self_attn.q_proj": 0.9},
            "expected one W_Q a layer",
        ),
    ],
)
def test_projections_that_belong_in_no_panel_are_refused(make_record, similarities, fault):
    with pytest.raises(StoreError, match=fault):
        build_figure(PAPER, LORA, [make_record("lora", 1, similarity=similarities)])

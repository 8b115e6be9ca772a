"""Every table of the paper in every format, and the tables whose rows are values of one key."""

import json
import re
from decimal import Decimal

import pytest

from deltalora.report import build_table, paper_table, to_json, to_latex, to_markdown
from deltalora.report.document import document
from deltalora.results import ScoreEntry
from table_requests import request_of, row_of_runs

TABLES = ["table1", "table2", "table3", "table4", "table5", "table6", "table8", "table9"]


def rows_of(name):
    """The table's own rows, two seeds each."""
    paper = paper_table(name)
    return [
        row_of_runs(one.row, {part: {s: f"{one.row}-{part}-{s}" for s in (1, 2)} for part in paper.parts}, one.label)
        for one in paper.rows
    ]


def records_of(name, make_record, configure):
    """A finished run of every row, part and seed; every score is made up and lies within its unit."""
    paper = paper_table(name)
    for number, row in enumerate(paper.rows):
        for part in paper.parts:
            columns = [c for c in paper.metrics if not c.mean_of and (c.part or part) == part]
            for seed in (1, 2):
                value = 0.3 + 0.02 * number + 0.01 * seed
                scores = {c.score: ScoreEntry(value=value, signature=f"{part} {c.score}", n=630) for c in columns}
                yield make_record(row.row, seed, run_id=f"{row.row}-{part}-{seed}", experiment=part, scores=scores)


@pytest.fixture(params=TABLES)
def table(request, make_record, configure):
    name = request.param
    records = records_of(name, make_record, configure)
    return build_table(paper_table(name), request_of(name, rows_of(name)), records)


def test_every_table_is_whole_in_markdown_and_fits_a_terminal(table):
    text = to_markdown(table)
    blocks = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert all(len({len(line) for line in block.splitlines()}) == 1 for block in blocks)
    assert max(len(line) for block in blocks for line in block.splitlines()) <= 200
    evidence = [block for block in blocks if "P(better)" in block or "| Examples |" in block]
    assert len(evidence) == 1
    assert max(len(line) for block in evidence for line in block.splitlines()) <= 120
    assert all(f"{column.name} {'↑' if column.higher_is_better else '↓'}" in text for column in table.columns)
    assert all(row.label in text.replace("\\", "") for row in table.rows)
    assert "not run" not in text


def test_every_table_is_balanced_ascii_latex(table):
    text = to_latex(table)
    assert text.isascii()
    for columns, body in re.findall(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL):
        for line in re.findall(r"^(.*) \\\\$", body, flags=re.MULTILINE):
            assert len(re.split(r"(?<!\\)&", line)) == len(columns)
    assert "[U+" not in text


def test_every_table_is_json_with_a_cell_for_each_column(table):
    content = json.loads(to_json(table))
    names = {column["name"] for column in content["columns"]}
    assert all(row["cells"].keys() == names for row in content["rows"])
    runs = [row for row in content["rows"] if row["quoted"] is None]
    assert all(row["cells"][name]["ours"]["n"] == 2 for row in runs for name in names)


def test_the_notes_of_the_paper_table_stand_under_it(table):
    text = to_markdown(table)
    notes = paper_table(table.name).notes
    assert notes
    assert all(f"- {note}" in text for note in notes)


@pytest.mark.parametrize(("name", "reference"), [("table8", "λ = 0"), ("table9", "K = 0")])
def test_sweeps_measure_every_value_from_zero(name, reference, make_record, configure):
    records = records_of(name, make_record, configure)
    table = build_table(paper_table(name), request_of(name, rows_of(name)), records)
    assert table.reference == reference
    assert table.rows[0].effect is None
    assert [row.effect.right for row in table.rows[1:]] == [reference] * (len(table.rows) - 1)
    bleu = {row.row: row.effect.cells["BLEU"] for row in table.rows[1:]}
    assert bleu[table.rows[1].row].ours.mean == pytest.approx(2)
    assert table.control_effects == ()
    printed = {"table8": "2", "table9": "900"}[name]  # 70.84 - 68.94 and 71.00 - 69.10
    assert bleu[printed].paper == Decimal("1.90")


def test_a_start_step_that_was_scaled_stands_below_the_papers(make_record):
    rows = [row_of_runs("500", {"e2e": {1: "half"}}, "K = 500", remark="here K = 100")]
    text = to_markdown(
        build_table(paper_table("table9"), request_of("table9", rows), [make_record("delta_lora", 1, run_id="half")])
    )
    lines = [[cell.strip() for cell in line.split("|")[1:3]] for line in text.splitlines() if line.startswith("|")]
    assert lines[2:4] == [["K = 500", "paper"], ["here K = 100", "ours, 1 seed"]]


def test_a_value_the_paper_does_not_have_is_a_row_without_paper_line(make_record):
    rows = [row_of_runs("7", {"e2e": {1: "seven"}}, "update_ratio = 7")]
    records = [make_record("delta_lora", 1, run_id="seven")]
    table = build_table(paper_table("table8"), request_of("table8", rows), records)
    assert not table.rows[0].in_paper
    assert "| update_ratio = 7 | ours, 1 seed |" in to_markdown(table).replace("\\", "")


def test_a_rate_of_edits_may_exceed_one_and_a_lower_one_is_better(make_record):
    paper = paper_table("table2")
    ter = next(column for column in paper.metrics if column.name == "TER-tercom-A")
    assert (ter.higher_is_better, ter.in_paper) == (False, False)
    rows = [row_of_runs("lora", {"webnlg": {1: "w"}}, "LoRA")]
    scores = {"TER-tercom-A": ScoreEntry(value=1.405, signature="ter", n=9)}
    record = make_record("lora", 1, run_id="w", experiment="webnlg", scores=scores)
    table = build_table(paper, request_of("table2", rows), [record])
    assert table.rows[0].cells["TER-tercom-A"].ours.mean == 1.405


def test_the_row_quoted_from_loras_paper_stands_below_the_papers_own_and_has_no_run():
    rows = [one for one in rows_of("table2") if one.row in ("lora", "delta_lora")]
    table = build_table(paper_table("table2"), request_of("table2", rows), [])
    assert [row.row for row in table.rows] == ["lora", "lora_published", "delta_lora"]
    quoted = table.rows[1]
    assert (quoted.quoted, quoted.parts) == ("LoRA's paper (Hu et al. 2022)", {})
    assert (quoted.cells["BLEU-A"].paper, quoted.cells["BLEU-A"].ours) == (Decimal("55.3"), None)
    assert quoted.effect.cells["TER-A"].paper == Decimal("-0.03")
    text = to_markdown(table)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "paper, quoted" in line]
    assert lines[0] == ["LoRA", "paper, quoted", "0.375M", "", "62.1", "46.7", "55.3", "0.44", "0.38", "0.41"]
    assert "lora_published" not in [line.partition(",")[0] for line in document(table).unfinished]


def test_table_6_has_the_learning_rate_and_lambda_of_the_paper_and_of_our_runs(make_record, configure):
    config = configure(max_steps=500, name="delta_lora", update_ratio=2.0, learning_rate=0.004)
    rows = [row_of_runs("delta_lora", {"e2e": {1: "d"}}, "Delta-LoRA")]
    record = make_record("delta_lora", 1, run_id="d", config=config)
    table = build_table(paper_table("table6"), request_of("table6", rows), [record])
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in to_markdown(table).splitlines()
        if line.startswith("|")
    ]
    assert lines[0][:5] == ["Method", "From", "Parameters", "Learning rate", "λ"]
    assert lines[2][1:5] == ["paper", "", "2e-4", "2"]
    assert lines[3][3:5] == ["0.004", "2"]


def test_the_references_scored_against_are_in_the_header_of_webnlg_and_no_text_form(make_record, configure):
    config = configure(max_steps=5, experiment="webnlg", references="six")
    rows = [row_of_runs("lora", {"webnlg": {1: "w"}}, "LoRA")]
    record = make_record("lora", 1, run_id="w", experiment="webnlg", config=config, scores={})
    text = to_markdown(build_table(paper_table("table2"), request_of("table2", rows), [record]))
    assert "references: **six**" in text
    assert "text form" not in text

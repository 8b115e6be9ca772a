import json
import os
import re
import subprocess
import sys

import pytest

from deltalora.report import build_table, paper_table, to_json, to_latex, to_markdown
from deltalora.report.latex import escape
from deltalora.results import Code
from deltalora.results.table_request import Row
from table_requests import request_of, row_of_runs, runs_of

CONTROLS = {"lora_no_dropout": "LoRA, no dropout", "lora_alpha_matched": "LoRA, alpha x 3"}
SEEDS = (1, 2, 3)


def asked(label: str, name: str, control: bool) -> Row:
    return row_of_runs(name, runs_of(name, SEEDS), label, f"config-{name}", control=control)


ROWS = [asked(one.label, one.row, control=False) for one in paper_table("table1").rows]
ROWS += [asked(label, name, control=True) for name, label in CONTROLS.items()]


def build(records, scale="embedded", source="embedded"):
    return build_table(paper_table("table1"), request_of("table1", ROWS, scale, source), records)


@pytest.fixture
def table(make_record, make_failed):
    bleu = {"lora": 0.40, "delta_lora": 0.42, "lora_alpha_matched": 0.43}
    records = [make_record(row, seed, bleu=b + seed**2 / 100) for row, b in bleu.items() for seed in (1, 2, 3)]
    records += [
        make_record("adalora", 1, bleu=0.39),
        make_failed("adalora", 2, message="50 % of C:\\x_1 {y} | #2 & $3~^"),
    ]
    return build(records)


def grids(markdown: str) -> list[list[list[str]]]:
    """Every Markdown table as lines of cells."""
    found: list[list[list[str]]] = [[]]
    for line in markdown.splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found[-1]:
            found.append([])
    return [grid for grid in found if grid]


def line_of(grid: list[list[str]], label: str, who: str) -> list[str]:
    current = ""
    for line in grid:
        current = line[0] or current
        if current == label and line[1].startswith(who):
            return line
    raise AssertionError(f"no line {label}, {who}")


def test_every_line_of_a_markdown_table_is_as_wide_as_its_header_and_fits_a_terminal(table):
    text = to_markdown(table)
    blocks = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(blocks) == 5
    for block, limit in zip(blocks, (160, 160, 160, 120, 120), strict=True):
        widths = {len(line) for line in block.splitlines()}
        assert len(widths) == 1
        assert max(widths) <= limit


def test_markdown_puts_the_papers_line_over_ours(table):
    grid = grids(to_markdown(table))[0]
    assert line_of(grid, "LoRA (repr.)", "paper")[2:] == ["0.375M", "", "69.60", "8.78", "45.61", "71.12", "2.45"]
    ours = line_of(grid, "LoRA (repr.)", "ours")
    # Seeds 1, 2, 3 add 1, 4 and 9 points to BLEU 40: mean 44.67, sd sqrt((3.67² + 0.67² + 4.33²) / 2) = 4.04.
    assert ours[1:5] == ["ours, 3 seeds", "6,144", "1.553±0.040", "44.67±4.04"]


def test_markdown_marks_controls_missing_numbers_single_seeds_and_failures(table):
    grid = grids(to_markdown(table))[0]
    assert line_of(grid, "LoRA, alpha x 3", "control (ours), 3 seeds")
    assert line_of(grid, "LoRA, no dropout", "control (ours), not run")[3:] == ["–"] * 6
    assert line_of(grid, "DyLoRA", "paper")[4:] == ["67.89", "8.50", "44.07", "70.52", "2.26"]
    adalora = line_of(grid, "AdaLoRA", "ours")
    assert adalora[1] == "ours, 1 of 3 seeds"
    assert adalora[4] == "39.00 (n=1)"


def test_markdown_shows_effects_with_intervals_beside_the_papers(table):
    _, effects, controls, *_ = grids(to_markdown(table))
    assert line_of(effects, "Delta-LoRA", "paper")[2:] == ["", "+1.24", "+0.13", "+0.86", "+1.12", "+0.08"]
    assert line_of(effects, "Delta-LoRA", "ours, 3 seeds")[3] == "+2.00"
    assert line_of(effects, "Delta-LoRA", "95% interval")[3] == "+2.00…+2.00"
    assert line_of(effects, "AdaLoRA", "ours, 1 seed")[3] == "-2.00 (n=1)"
    assert line_of(controls, "LoRA, alpha x 3", "ours, 3 seeds")[3] == "-1.00"
    assert line_of(effects, "LoRA, quoted", "paper")[3:] == ["+0.80", "+0.07", "+1.19", "+0.68", "+0.08"]
    with pytest.raises(AssertionError, match="no line DyLoRA, ours"):
        line_of(effects, "DyLoRA", "ours")


def test_markdown_states_scale_data_rule_split_seeds_and_the_unit_m(table):
    text = to_markdown(table)
    for fact in ["scale: **embedded**", "data: **embedded**", "split: **test**", "checkpoint: **last**", "(n = 3)"]:
        assert fact in text
    assert "M is 2^20" in text
    assert "must not be subtracted" in text
    assert "`bleu|case:lc|tok:13a|smooth:none|sacrebleu:2.6.0`" in text
    assert "adalora, seed 2: failed, OutOfMemoryError: 50 % of" in text
    assert "adalora, seed 3: not run" in text
    assert "dylora, seeds 1, 2 and 3: not run" in text
    assert "text form: **tokenized**" in text
    assert "training: **500 steps**" in text
    assert "not the paper's setting: **scale embedded, embedded data, embedded backbone, 500 steps instead" in text
    assert "ours - paper" not in text


def test_markdown_in_the_papers_setting_has_the_gap(make_paper_record):
    text = to_markdown(build([make_paper_record("lora", 1, bleu=0.7)], scale="paper", source="hub"))
    assert line_of(grids(text)[0], "LoRA (repr.)", "ours - paper")[4] == "+0.40"
    assert line_of(grids(text)[0], "LoRA (repr.)", "paper in 95% interval")[4] == "1 seed"
    more = [make_paper_record("lora", seed, bleu=bleu) for seed, bleu in [(1, 0.68), (2, 0.7)]]
    grid = grids(to_markdown(build(more, scale="paper", source="hub")))[0]
    assert line_of(grid, "LoRA (repr.)", "paper in 95% interval")[4] == "yes"
    assert "must not be subtracted" not in text
    assert "not the paper's setting" not in text
    assert "training: **500 steps (5 epochs)**" in text


def test_a_run_cut_short_at_the_papers_scale_has_no_gap_and_the_header_says_why(make_paper_record, configure):
    config = configure(max_steps=200, weights="random")
    text = to_markdown(build([make_paper_record("lora", 1, config=config)], scale="paper", source="hub"))
    assert "ours - paper" not in text
    assert "not the paper's setting: **random weights, 200 steps instead of epochs**" in text


def test_every_format_names_commits_torch_and_device_and_warns_of_mixed_or_changed_code(make_record):
    codes = [Code(results_version=1, commit=commit * 40, dirty=commit == "b") for commit in "ab"]
    table = build([make_record("lora", seed, code=code) for seed, code in enumerate(codes, start=1)])
    for text in (to_markdown(table), to_latex(table), to_json(table)):
        assert "aaaaaaaaaa" in text
        assert "2.13.0" in text
        assert "CPU, x" in text
        assert "The runs are of 2 commits: aaaaaaaaaa and bbbbbbbbbb." in text
        assert "1 run had a work tree that differed from its commit (dirty)." in text
    clean = to_markdown(build([make_record("lora", 1, code=codes[0])]))
    assert "commits" not in clean
    assert "dirty" not in clean


def test_the_note_under_the_controls_says_what_they_have_of_delta_lora(table):
    text = to_markdown(table)
    assert "Every control is LoRA without dropout" in text
    assert "(1+lambda) has that many times LoRA's scaling (alpha) or learning rate as well" in text


def test_a_table_without_runs_renders_in_every_format():
    empty = build([])
    assert "seeds: **none yet, requested 1, 2, 3**" in to_markdown(empty)
    assert "none yet" in to_latex(empty)
    assert json.loads(to_json(empty))["provenance"]["seeds"] == []


def test_json_holds_unrounded_numbers_and_null_where_there_is_none(table):
    content = json.loads(to_json(table))
    rows = {row["row"]: row for row in content["rows"]}
    assert rows["lora"]["cells"]["BLEU"]["paper"] == 69.60
    assert rows["lora"]["cells"]["BLEU"]["ours"]["mean"] == pytest.approx(44 + 2 / 3, abs=1e-12)
    nothing = {"paper": 67.89, "ours": None, "difference": None, "paper_in_interval": None}
    assert rows["dylora"]["cells"]["BLEU"] == nothing
    assert rows["delta_lora"]["effect"]["cells"]["BLEU"]["paper"] == 1.24
    runs = {name: row["parts"]["e2e"] for name, row in rows.items()}
    assert runs["lora"]["seeds"]["2"]["run_id"] == "lora-2"
    assert runs["lora"]["seeds"]["2"]["values"]["BLEU"] == pytest.approx(44)
    assert runs["adalora"]["unfinished"] == [2]
    assert runs["adalora"]["not_run"] == [3]
    assert content["comparable_with_paper"] is False
    assert "500 steps instead of epochs" in content["departures_from_paper"]
    assert len(content["unfinished"]) == 1


@pytest.fixture
def spread_table(make_record):
    """Three rows of three seeds whose differences vary, and a fourth of one seed."""
    bleu = {"lora": (0.40, 0.43, 0.41), "delta_lora": (0.42, 0.44, 0.44), "lora_alpha_matched": (0.41, 0.47, 0.43)}
    records = [make_record(row, s, bleu=b) for row, of in bleu.items() for s, b in zip(SEEDS, of, strict=True)]
    return build([*records, make_record("adalora", 1, bleu=0.39)])


def test_markdown_shows_interval_test_share_and_detectable_difference_of_every_row_and_column(spread_table):
    text = to_markdown(spread_table)
    *_, evidence, controls = grids(text)
    assert evidence[0][1:] == ["Column", "n", "Diff.", "95% interval", "p", "p (Holm)", "P(better)", "MDD"]
    # BLEU differences 2, 1, 3: mean 2, sd 1, t = 2 / (1 / sqrt(3)) = 3.464 with 2 degrees of freedom, p = 0.0742;
    # the half width is 4.3027 / sqrt(3) = 2.484, the detectable difference 5.6535 / sqrt(3) = 3.264.
    start = [line[0] for line in evidence].index("Delta-LoRA")
    assert evidence[start + 1][1:] == ["BLEU", "3", "+2.00", "-0.48…+4.48", "0.074", "0.890", "1.00", "3.26"]
    assert [line[1] for line in evidence[start : start + 6]] == [
        "Val. loss",
        "BLEU",
        "NIST",
        "METEOR",
        "ROUGE-L",
        "CIDEr",
    ]
    assert evidence[start][7] == "1.00"  # a lower loss is better
    adalora = next(line for line in evidence if line[0] == "AdaLoRA")
    assert adalora[1:] == ["all columns", "1", "–", "not enough seeds", "–", "–", "–", "–"]
    assert controls[2][0] == "LoRA, alpha x 3"
    assert "across every row and column against LoRA (repr.), 12 tests;" in text
    assert "across every column of Delta-LoRA against every control, 6 tests;" in text
    assert "One seed gives neither interval nor test." in text
    assert "Two seeds leave one degree of freedom" not in text
    assert "Evidence over examples" not in text
    assert "*" not in "".join(cell for line in evidence for cell in line)


def test_two_seeds_come_with_a_warning(make_record):
    bleu = {"lora": (0.40, 0.43), "delta_lora": (0.42, 0.44)}
    records = [make_record(row, s, bleu=b) for row, of in bleu.items() for s, b in zip((1, 2), of, strict=True)]
    assert "Two seeds leave one degree of freedom: an interval of 12.7 standard errors" in to_markdown(build(records))


def test_equal_differences_are_no_test(table):
    *_, evidence, _ = grids(to_markdown(table))
    start = [line[0] for line in evidence].index("Delta-LoRA")
    assert evidence[start + 1][5:] == ["no spread", "–", "1.00", "–"]


def test_json_has_the_evidence_unrounded_with_its_families(spread_table):
    content = json.loads(to_json(spread_table))
    assert (content["alpha"], content["power"]) == (0.05, 0.8)
    assert [(one["over_seeds"], one["over_examples"]) for one in content["holm_families"]] == [(12, 0), (6, 0)]
    effect = next(row for row in content["rows"] if row["row"] == "delta_lora")["effect"]
    found = effect["cells"]["BLEU"]["over_seeds"]
    assert found["p_value"] == pytest.approx(0.07417990022744853, abs=1e-12)  # 1 - t/sqrt(t^2 + 2) at t^2 = 12
    assert found["minimum_detectable"] == pytest.approx(3.264, abs=1e-3)
    assert effect["cells"]["BLEU"]["over_examples"] is None


def test_rows_of_records_without_segment_statistics_say_so_when_examples_are_asked_for(make_record):
    records = [make_record(row, seed) for row in ("lora", "delta_lora") for seed in (1, 2)]

    table = build_table(paper_table("table1"), request_of("table1", ROWS), records, lambda record: None)
    *_, examples = grids(to_markdown(table))
    assert examples[0][1:] == ["Column", "Seeds", "Examples", "Diff.", "95% interval", "p", "p (Holm)"]
    assert examples[2] == ["Delta-LoRA", "all columns", "–", "–", "–", "no segment statistics", "–", "–"]
    cells = json.loads(to_json(table))["rows"]
    delta = next(row for row in cells if row["row"] == "delta_lora")["effect"]["cells"]
    assert delta["BLEU"]["over_examples"] == {"reason": "no segment statistics"}
    assert_compilable(to_latex(table))


def test_long_evidence_is_cut_into_floats_that_fit_a_page_without_losing_a_line(make_record):
    rows = [row.row for row in ROWS]
    records = [
        make_record(row, seed, bleu=0.4 + 0.01 * i + 0.001 * seed**2 * (i + 1))
        for i, row in enumerate(rows)
        for seed in SEEDS
    ]
    table = build(records)
    text = to_latex(table)
    assert_compilable(text)
    pages = re.findall(r"Evidence over seeds: differences from LoRA \(repr.\) \((\d) of (\d)\)", text)
    assert pages == [("1", "2"), ("2", "2")]
    assert len(set(re.findall(r"\\label\{([^}]*)\}", text))) == text.count(r"\label{")
    tabulars = re.findall(r"\\begin\{tabular\}.*?\\end\{tabular\}", text, flags=re.DOTALL)
    evidence = [one for one in tabulars if "P(better)" in one]
    lines = [one.count(r" \\") - 1 for one in evidence]
    assert sum(lines) == 6 * (len(rows) - 1) + 6 * len(CONTROLS)
    assert max(lines) <= 45


def assert_compilable(text: str) -> None:
    """What a LaTeX run would trip over: non-ASCII, unbalanced braces and environments, rows of unequal length."""
    assert text.isascii()
    bare = re.sub(r"\\[\\{}&%$#_]", "", re.sub(r"^%.*$", "", text, flags=re.MULTILINE))
    depth = 0
    for char in bare:
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"[#$~^%]", bare), "a special character is bare"
    assert "_" not in re.sub(r"\\label\{[^}]*\}", "", bare)
    stack = []
    for verb, name in re.findall(r"\\(begin|end)\{([a-z*]+)\}", text):
        if verb == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    assert text.count(r"\(") == text.count(r"\)")
    for columns, body in re.findall(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL):
        rows = re.findall(r"^(.*) \\\\$", body, flags=re.MULTILINE)
        assert rows
        for row in rows:
            assert len(re.split(r"(?<!\\)&", row)) == len(columns)
            assert not row.startswith(("[", "*"))


def test_latex_is_balanced_rectangular_and_pure_ascii_even_with_hostile_errors(table):
    text = to_latex(table)
    assert_compilable(text)
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 5
    assert r"control (ours), 3 seeds" in text
    assert r"44.67\(\pm\)4.04" in text
    assert r"C:\textbackslash{}x\_1 \{y\}" in text


def test_the_check_of_latex_itself_finds_what_breaks_a_run():
    for bad in ["é", "a & b", "{", r"\begin{x}", "50%", "a_b", r"\(x"]:
        text = r"\begin{tabular}{l}" + "\n" + bad + " \\\\\n" + r"\end{tabular}"
        with pytest.raises(AssertionError):
            assert_compilable(text)


@pytest.mark.golden
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"a\b", r"a\textbackslash{}b"),
        ("50% & $5 #1 a_b {c}", r"50\% \& \$5 \#1 a\_b \{c\}"),
        ("x~y^2", r"x\textasciitilde{}y\textasciicircum{}2"),
        ("-1.24…-0.10", r"\(-\)1.24\ldots{}\(-\)0.10"),
        ("Delta-LoRA, 13a-1", "Delta-LoRA, 13a-1"),
        ("ours - paper", r"ours \(-\) paper"),
        ("70.84±0.10 †", r"70.84\(\pm\)0.10 \dag{}"),
        ("[x] *", "{[}x] {*}"),
        ("北", "[U+5317]"),
    ],
)
def test_latex_escapes(text, expected):
    assert escape(text) == expected


def test_reporting_imports_neither_torch_nor_transformers():
    code = (
        "import sys, deltalora.report\n"
        "deltalora.report.statistics.summarise([1.0, 2.0]); deltalora.report.paper_table('table1')\n"
        "print([name for name in ('torch', 'transformers', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]"

"""The page's files: what is on them, what is refused, and that an old page outlives a failure."""

import csv
import json
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from deltalora.commands.report import report
from deltalora.config import run_config
from deltalora.errors import StoreError
from deltalora.metrics import E2E_METRICS
from deltalora.page import samples
from deltalora.page.run_page import command_again, leaves
from deltalora.page.runs import collect
from deltalora.page.samples import SAMPLES, spread_places
from deltalora.page.templating import drawn, script_json
from deltalora.page.write import write_page
from deltalora.results import RunRecord, Store
from page_fixtures import FAILURE, HOSTILE, TEXTS, Stores, digest_of

RESULTS = Path(__file__).resolve().parents[2] / "results"


def test_every_run_has_its_page_and_every_table_its_section(page: Path, stores: Stores) -> None:
    assert {path.stem for path in (page / "runs").iterdir()} == stores.all_ids
    index = (page / "index.html").read_text(encoding="utf-8")
    for name in ("table1", "table8", "table9", "figure3"):
        assert f'id="{name}-embedded-embedded"' in index


def test_the_table_states_the_mean_of_the_recorded_numbers_and_links_their_runs(page: Path) -> None:
    records = Store(RESULTS / "table9-embedded").records()
    at_1000 = [one for one in records if one.config["method"]["start_step"] == 200]  # a fifth, at embedded scale
    assert len(at_1000) == 3
    rows = list(csv.DictReader((page / "data" / "table9-embedded-embedded.csv").read_text("utf-8").splitlines()))
    bleu = next(row for row in rows if (row["row"], row["metric"]) == ("1000", "BLEU"))
    assert float(bleu["mean"]) == pytest.approx(100 * mean(one.scores["BLEU"].value for one in at_1000), rel=1e-12)
    assert bleu["ours_minus_paper"] == ""  # of another setting
    index = (page / "index.html").read_text(encoding="utf-8")
    assert all(f'href="runs/{one.run_id}.html"' in index for one in at_1000)


def test_a_failed_run_shows_why_and_the_end_of_its_log_alone(page: Path, stores: Stores) -> None:
    text = (page / "runs" / f"{stores.failed}.html").read_text(encoding="utf-8")
    assert "OutOfMemoryError" in text
    assert FAILURE not in text
    assert "CUDA out of memory &lt;b&gt;at step 7&lt;/b&gt;" in text
    assert "last &lt;i&gt;line&lt;/i&gt;" in text
    assert "line 499" in text
    assert "line 400" not in text
    index = (page / "index.html").read_text(encoding="utf-8")
    assert "seed 2 failed: OutOfMemoryError" in index


def test_hostile_texts_are_escaped(page: Path, stores: Stores) -> None:
    text = (page / "runs" / f"{stores.finished}.html").read_text(encoding="utf-8")
    assert HOSTILE not in text  # it is a reference of every sample, and input and prediction of the first
    assert (
        text.count("&lt;/script&gt;&lt;script&gt;window.hostile") == SAMPLES + 2
    )  # a reference of each; input, prediction


def test_a_sample_has_the_metrics_own_value_of_it_alone(page: Path, stores: Stores) -> None:
    text = (page / "runs" / f"{stores.finished}.html").read_text(encoding="utf-8")
    assert text.count("<li value=") == SAMPLES
    last = f"Aromi is restaurant number {TEXTS - 1} near the river"
    assert last in text
    alone = E2E_METRICS["BLEU"].score([last], [(HOSTILE, "Aromi is a restaurant near the river .")], ["one"]).value
    assert f"BLEU {alone:.3g}" in text[text.index(last) :]


@pytest.mark.parametrize(("total", "wanted"), [(0, 20), (5, 20), (20, 20), (21, 20), (630, 20), (3, 1)])
def test_samples_are_spread_over_the_file_without_repeats(total: int, wanted: int) -> None:
    places = spread_places(total, wanted)
    assert len(places) == len(set(places)) == min(total, wanted)
    if total > 1 and wanted > 1:
        assert (places[0], places[-1]) == (0, total - 1)
        gaps = {after - before for before, after in pairwise(places)}
        assert max(gaps) - min(gaps) <= 1


def test_data_in_a_script_is_the_data_and_cannot_end_the_script() -> None:
    value = {"text": "</script><!-- \u2028 &", "n": 1.5}
    text = str(script_json(value))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="JSON"):
        script_json(float("nan"))


def test_a_drawn_number_keeps_six_digits() -> None:
    assert drawn(1.23456789) == 1.23457
    assert drawn(0.0) == 0.0
    assert drawn(None) is None


def test_values_that_python_holds_for_equal_are_stated_each_as_it_is() -> None:
    for _ in range(2):  # what was once written is kept
        stated = leaves({"method": {"a": 1, "b": True, "c": 1.0, "d": None, "e": "1", "f": [1, "x y"], "g": {}}})
        again = leaves({"method": {"a": True, "b": 1.0, "c": 1, "d": "null", "e": "it's", "f": False, "g": 0}})
    assert [leaf.line for leaf in stated.values()] == [
        *("method.a: 1", "method.b: true", "method.c: 1.0", "method.d: null", 'method.e: "1"'),
        *('method.f: [1, "x y"]', "method.g: {}"),
    ]
    assert [leaf.line for leaf in again.values()] == [
        *("method.a: true", "method.b: 1.0", "method.c: 1", 'method.d: "null"', 'method.e: "it\'s"'),
        *("method.f: false", "method.g: 0"),
    ]
    assert shlex.split(" ".join(leaf.word for leaf in stated.values()))[4:] == [
        *("++method.e='1'", "++method.f=[1,'x y']", "++method.g={}"),
    ]
    assert shlex.split(again["method.e"].word) == ["++method.e='it\\'s'"]


def test_the_command_of_a_run_describes_that_run() -> None:
    from deltalora.results import config_id

    chosen = {}
    for folder in ("table1-embedded", "table2-embedded", "table3-embedded", "table4-embedded", "table9-embedded"):
        for record in Store(RESULTS / folder).records():
            chosen.setdefault((record.experiment, record.row), record)
    chosen["glue without MNLI", ""] = Store(RESULTS / "glue_rte_official_files_tiny_roberta").records()[0]
    wanted = [one for one in chosen.values() if one.row in ("delta_lora", "adalora", "lora_lr_matched")]
    assert len(wanted) > 20
    for record in wanted:
        words = shlex.split(command_again(record, leaves(record.config)))
        assert words[:2] == ["deltalora", "train"]
        config = run_config([word.replace("DATA_DIR", "anywhere") for word in words[2:]])
        assert config_id(config.scientific()) == record.config_id, record.run_id
        assert config.seed == record.seed


def test_records_that_may_not_stand_together_are_said_in_their_place(
    stores: Stores, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    shutil.copytree(stores.roots[3], store)
    first = Store(store).records()[0]
    plain = json.loads(first.to_json())
    plain["model"]["sha256"] = "0" * 64
    Store(store).write(RunRecord.model_validate(plain))
    assert report(["--store", str(store), "--out", str(tmp_path / "page")]) == 1
    assert "expected the same pre-trained weights" in capsys.readouterr().err
    text = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "This figure could not be built.</strong> runs" in text


def test_of_a_run_in_two_stores_the_finished_and_latest_record_counts(stores: Stores, tmp_path: Path) -> None:
    again = tmp_path / "again"
    failed = Store(stores.roots[0]).read(stores.failed)
    assert failed is not None
    original = RESULTS / "table1-embedded" / stores.failed
    shutil.copytree(original, again / stores.failed)
    collected = collect([stores.roots[0], again])
    assert collected.records_of([stores.failed])[stores.failed].status == "finished"
    assert collected.folders[stores.failed] == again / stores.failed
    assert collected.repeated == (stores.failed,)


def test_writing_again_replaces_the_page_and_a_failure_leaves_it(stores: Stores, tmp_path: Path) -> None:
    out = tmp_path / "page"
    write_page(stores.roots[3:], out)
    write_page(stores.roots[3:], out)
    before = digest_of(out)
    broken = tmp_path / "store"
    (broken / "aaaa").mkdir(parents=True)
    (broken / "aaaa" / "record.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StoreError, match=r"record\.json"):
        write_page([*stores.roots, broken], out)
    assert digest_of(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page", "store"]


def test_a_failure_while_pages_are_written_leaves_the_old_page(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "page"
    write_page(stores.roots[3:], out)
    before = digest_of(out)

    def refuse(*_: object) -> list[float]:
        raise StoreError("no statistics today")

    monkeypatch.setattr(samples, "_example_scores", refuse)
    with pytest.raises(StoreError, match="no statistics today"):
        write_page(stores.roots, out)
    assert digest_of(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_a_run_under_way_has_neither_page_nor_line(stores: Stores, page: Path, tmp_path: Path) -> None:
    (stores.roots[0] / "a-run-under-way").mkdir(exist_ok=True)
    out = tmp_path / "page"
    assert write_page(stores.roots, out).runs == len(stores.all_ids)
    here, there = digest_of(out), digest_of(page)
    assert here.pop("index.html")
    assert there.pop("index.html")
    assert here == there


def test_a_malformed_record_is_named_and_leaves_nothing(stores: Stores, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(stores.roots[3], store)
    (store / "no-record").mkdir()
    (store / "no-record" / "record.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StoreError, match=r"no-record/record\.json"):
        write_page([store], tmp_path / "page")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_malformed_prediction_that_is_to_be_shown_is_named(stores: Stores, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(stores.roots[0] / stores.finished, store / stores.finished)
    path = store / stores.finished / "predictions.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    place = spread_places(len(lines), SAMPLES)[1]
    path.write_text("".join([*lines[:place], '{"id": "x"}\n', *lines[place + 1 :]]), encoding="utf-8")
    with pytest.raises(StoreError, match=rf"predictions\.jsonl:{place + 1}: source"):
        write_page([store], tmp_path / "page")


def test_a_folder_that_is_no_page_is_not_replaced(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(StoreError, match="expected an earlier page"):
        write_page(stores.roots, tmp_path)
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "keep"


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected a folder of run records"):
        write_page([tmp_path / "nowhere"], tmp_path / "page")


def test_the_command_loads_neither_torch_nor_hydra(stores: Stores, tmp_path: Path) -> None:
    code = (
        "import sys; from deltalora.cli import main;"
        "code = main(sys.argv[1:]);"
        "print(sorted({'torch', 'transformers', 'hydra', 'plotly'} & sys.modules.keys()), code)"
    )
    words = ["report", "--out", str(tmp_path / "page"), "--store", *map(str, stores.roots)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[] 0"

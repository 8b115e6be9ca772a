"""The README's commands, numbers and snippet are real."""

import json
import re
import shlex
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from deltalora.cli import main
from deltalora.config import expand, run_config, table_runs
from deltalora.methods import build_method

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)
#: Settings and sizes, which no table prints as a score.
DERIVED = {"0.8", "0.5", "1.5"}
COMMANDS = [line.split("#")[0].strip() for language, block in BLOCKS if not language for line in block.splitlines()]


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z0-9-]+)", README, flags=re.MULTILINE))
    assert {"reproduce-e2e", "test", "help"} <= named
    assert named <= targets


def test_every_training_command_of_the_readme_composes() -> None:
    commands = [shlex.split(command) for command in COMMANDS if command.startswith("deltalora train")]
    assert len(commands) >= 2
    for words in commands:
        overrides = [word for word in words[2:] if word != "-m"]
        for job in expand(overrides, multirun="-m" in words) or [overrides]:
            run_config(job)


def test_the_command_of_the_first_screen_runs_what_it_says() -> None:
    runs = table_runs("table1", [])
    assert len({run.config.row for run in runs}) == 10
    assert {run.config.seed for run in runs} == {1, 2}


def test_the_table_is_that_of_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "table1", "--format", "json", "--store", str(ROOT / "results/table1-embedded")]) == 0
    recorded = {row["label"]: row for row in json.loads(capsys.readouterr().out)["rows"] if row["parts"]}
    table = [line.strip("|").split("|") for line in README.splitlines() if line.startswith("| ")]
    header, *lines = [[cell.strip() for cell in line] for line in table]
    assert [line[0].removesuffix(" (control)") for line in lines] == list(recorded)
    for line in lines:
        row = recorded[line[0].removesuffix(" (control)")]
        assert line[0].endswith(" (control)") == row["control"]
        part = row["parts"]["e2e"]
        assert sum(int(number.replace(",", "")) for number in line[1].split(" + ")) == (
            part["trainable"] + part["extra_updatable"]
        )
        for column, cell in zip(header[2:], line[2:], strict=True):
            ours = row["cells"][column]["ours"]
            digits = len(cell.split()[0].partition(".")[2])
            assert cell == f"{ours['mean']:.{digits}f} ± {ours['sd']:.{digits}f}"


@pytest.mark.parametrize("name", ["README.md", "results/README.md"])
def test_every_number_of_a_finding_is_printed_in_a_table_of_the_records(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    findings = text.partition("## Table 1, E2E" if name == "README.md" else "## What they show")[2].partition("\n## ")[
        0
    ]
    prose = " ".join(line for line in findings.splitlines() if not line.startswith("|"))
    printed = "".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("results/*/*.md")))
    printed += "".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("results/figure3-embedded/*.csv")))
    known = {float(number) for number in re.findall(r"\d+\.\d+", printed)}
    stated = [one for one in re.findall(r"(?<![\d.])\d+\.\d+", prose) if one not in DERIVED]
    assert len(stated) > 10
    unknown = [one for one in stated if not any(_rounds_to(number, one) for number in known)]
    assert unknown == []


def _rounds_to(number: float, stated: str) -> bool:
    return abs(number - float(stated)) <= 0.5 * 10 ** -len(stated.partition(".")[2]) + 1e-9


def test_the_snippet_for_a_strangers_loop_runs_and_moves_w(monkeypatch: pytest.MonkeyPatch) -> None:
    (snippet,) = (block for language, block in BLOCKS if language == "python")
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    )
    names: dict[str, object] = {"build_method": build_method, "torch": torch, "model": model}
    before = model.transformer.h[0].attn.c_attn.weight.detach().clone()
    untouched = {name: value for name, value in model.state_dict().items() if "c_attn.weight" not in name}
    quick = snippet.replace('"start_step": 500', '"start_step": 0').replace("lr=2e-4", "lr=0.1")
    training, merging = quick.split("plain = ")
    exec(training, names)
    optimizer = names["optimizer"]
    assert isinstance(optimizer, torch.optim.AdamW)
    for _ in range(3):
        model(input_ids=torch.arange(6)[None], labels=torch.arange(6)[None]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    exec("plain = " + merging, names)
    plain = names["plain"]
    assert isinstance(plain, GPT2LMHeadModel)
    moved = plain.transformer.h[0].attn.c_attn.weight
    assert torch.equal(moved[:, 8:16], before[:, 8:16])  # K
    assert not torch.equal(moved[:, :8], before[:, :8])  # Q
    for name, value in untouched.items():
        assert torch.equal(plain.state_dict()[name], value)

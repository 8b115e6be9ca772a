"""The shipped weights and tokenizer: offline, lossless, small, reproducible."""

import hashlib
import json
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from deltalora.corpus import e2e_splits, linearise, pretraining_pairs
from deltalora.errors import ConfigError
from deltalora.models.embedded import embedded_model_dir

SCRIPT = Path(__file__).parents[2] / "scripts" / "pretrain_embedded.py"
TINY = [
    "--steps",
    "60",
    "--batch-size",
    "2",
    "--tokenizer-pairs",
    "20",
    "--validation-pairs",
    "2",
    "--vocabulary",
    "400",
]


Pairs = list[tuple[tuple[tuple[str, str], ...], str]]


@pytest.fixture(scope="module")
def read() -> Pairs:
    """What the shipped weights read: the pairs of training, then those of validation."""
    run = json.loads((embedded_model_dir("gpt2") / "PROVENANCE.json").read_text(encoding="utf-8"))["arguments"]
    training = islice(pretraining_pairs(run["seed"]), run["steps"] * run["batch_size"])
    return [*training, *islice(pretraining_pairs(run["seed"] + 1), run["validation_pairs"])]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(embedded_model_dir("gpt2"), local_files_only=True)


def test_an_unknown_architecture_is_a_config_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="gpt2, found 'gpt5'"):
        embedded_model_dir("gpt5")


def test_the_model_loads_offline_in_fp32_without_dropout_and_with_tied_embeddings() -> None:
    model = AutoModelForCausalLM.from_pretrained(embedded_model_dir("gpt2"), local_files_only=True)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert sum(parameter.numel() for parameter in model.parameters()) == 824_448
    assert model.lm_head.weight is model.transformer.wte.weight
    assert model.config.resid_pdrop == model.config.embd_pdrop == model.config.attn_pdrop == 0.0
    assert model.config.n_positions == 256


def test_the_folder_is_under_four_megabytes_and_says_where_it_comes_from() -> None:
    folder = embedded_model_dir("gpt2")
    assert sum(path.stat().st_size for path in folder.iterdir()) < 4_000_000
    provenance = json.loads((folder / "PROVENANCE.json").read_text(encoding="utf-8"))
    assert provenance["arguments"]["architecture"] == "gpt2"
    assert provenance["source_validation_loss"] < 1.0


@pytest.mark.golden
def test_the_grammar_still_writes_the_text_the_weights_were_trained_on(read: Pairs) -> None:
    provenance = json.loads((embedded_model_dir("gpt2") / "PROVENANCE.json").read_text(encoding="utf-8"))
    text = "".join(f"{linearise(slots)}\t{text}\n" for slots, text in read)
    assert hashlib.sha256(text.encode()).hexdigest() == provenance["corpus_sha256"]


def test_the_provenance_names_the_shipped_tokenizer() -> None:
    assert _tokenizer_is_named(embedded_model_dir("gpt2"))


def _tokenizer_is_named(folder: Path) -> bool:
    provenance = json.loads((folder / "PROVENANCE.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    return bool(provenance["tokenizer_sha256"] == digest)


def test_separator_and_end_are_the_one_special_token(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.all_special_tokens == ["<|endoftext|>"]
    assert tokenizer.eos_token_id == tokenizer.bos_token_id == tokenizer.pad_token_id == 0
    assert len(tokenizer) == 1536


@pytest.mark.property
@given(text=st.text())
def test_the_tokenizer_gives_any_text_back(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_every_token_of_the_target_but_one_occurs_in_pretraining_text(
    tokenizer: PreTrainedTokenizerFast, read: Pairs
) -> None:
    """The one is `ated` of "low-rated", of which the corpus' README tells; elsewhere "rated" is one token."""

    def tokens(texts: list[str]) -> set[int]:
        return {token for ids in tokenizer([f" {text}" for text in texts])["input_ids"] for token in ids}

    entries = [entry for part in e2e_splits().values() for entry in part]
    unseen = tokens([text for entry in entries for text in entry.references]) - tokens(
        [text for _, text in read[:40_000]]
    )
    assert [tokenizer.decode([token]) for token in unseen] == ["ated"]
    context = [linearise(entry.slots[:1] + entry.slots[-1:]) for entry in entries if entry.slots[-1][0] == "near"]
    assert tokens(context) <= tokens([linearise(slots) for slots, _ in read[:40_000] if slots])


@pytest.mark.invariant
def test_a_pretraining_run_that_was_killed_continues_to_the_same_weights(tmp_path: Path) -> None:
    def start(name: str, *more: str) -> subprocess.Popen[bytes]:
        paths = ["--out", str(tmp_path / name), "--checkpoint", str(tmp_path / f"{name}.pt"), "--threads", "1"]
        command = [sys.executable, str(SCRIPT), "gpt2", *TINY, *paths, *more]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    unbroken_run, killed_run = start("unbroken"), start("cut", "--checkpoint-every", "5")
    while not (tmp_path / "cut.pt").exists() and killed_run.poll() is None:
        time.sleep(0.02)
    killed_run.kill()
    killed_run.wait()
    assert not (tmp_path / "cut").exists()
    assert unbroken_run.wait() == 0
    assert start("cut").wait() == 0
    unbroken, cut = (load_file(tmp_path / name / "model.safetensors") for name in ("unbroken", "cut"))
    assert unbroken.keys() == cut.keys()
    assert all(torch.equal(unbroken[name], cut[name]) for name in unbroken)
    assert _tokenizer_is_named(tmp_path / "cut")
    key = torch.load(tmp_path / "cut.pt", weights_only=True)["run"]
    assert key["tokenizer_sha256"] == hashlib.sha256((tmp_path / "cut" / "tokenizer.json").read_bytes()).hexdigest()

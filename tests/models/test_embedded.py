"""The shipped weights and tokenizer: offline, lossless, small, reproducible."""

import hashlib
import json
import random
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from deltalora.errors import ConfigError
from deltalora.models.embedded import embedded_model_dir
from embedded_world import e2e_splits, linearise, pretraining_pairs

SCRIPTS = Path(__file__).parents[2] / "scripts"
ARCHITECTURES = ["gpt2", "roberta", "bart"]
TINY = {"steps": 60, "batch_size": 2, "tokenizer_pairs": 20, "validation_pairs": 2, "vocabulary": 400}
Pairs = list[tuple[tuple[tuple[str, str], ...], str]]


@pytest.fixture(scope="module")
def scripts() -> Any:
    """scripts/pretrain_embedded.py as a module, `pretraining` beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        import pretrain_embedded

        yield pretrain_embedded


def _provenance(architecture: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (embedded_model_dir(architecture) / "PROVENANCE.json").read_text(encoding="utf-8")
    )
    return found


def _tokenizer(architecture: str) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(embedded_model_dir(architecture), local_files_only=True)


@pytest.fixture(scope="module")
def read() -> Pairs:
    """What the shipped weights read: the pairs of training, then those of validation."""
    run = _provenance("gpt2")["arguments"]
    training = islice(pretraining_pairs(run["seed"]), run["steps"] * run["batch_size"])
    return [*training, *islice(pretraining_pairs(run["seed"] + 1), run["validation_pairs"])]


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, PreTrainedTokenizerFast]:
    return {architecture: _tokenizer(architecture) for architecture in ARCHITECTURES}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return _tokenizer("gpt2")


def test_an_unknown_architecture_is_a_config_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="bart, gpt2, roberta, found 'gpt5'"):
        embedded_model_dir("gpt5")


def test_the_gpt2_loads_offline_in_fp32_without_dropout_and_with_tied_embeddings() -> None:
    model = AutoModelForCausalLM.from_pretrained(embedded_model_dir("gpt2"), local_files_only=True)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert sum(parameter.numel() for parameter in model.parameters()) == 824_448
    assert model.lm_head.weight is model.transformer.wte.weight
    assert model.config.resid_pdrop == model.config.embd_pdrop == model.config.attn_pdrop == 0.0
    assert model.config.n_positions == 256


def test_the_roberta_loads_offline_in_fp32_without_dropout_with_its_language_model_head() -> None:
    model = AutoModelForMaskedLM.from_pretrained(embedded_model_dir("roberta"), local_files_only=True)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert sum(parameter.numel() for parameter in model.parameters()) == 843_136
    assert model.lm_head.decoder.weight is model.roberta.embeddings.word_embeddings.weight
    assert model.config.hidden_dropout_prob == model.config.attention_probs_dropout_prob == 0.0
    assert model.config.max_position_embeddings == 256 + 2


def test_the_bart_loads_offline_in_fp32_without_dropout_and_with_tied_embeddings() -> None:
    model = AutoModelForSeq2SeqLM.from_pretrained(embedded_model_dir("bart"), local_files_only=True)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_188_864
    assert model.lm_head.weight is model.model.shared.weight is model.model.decoder.embed_tokens.weight
    assert model.config.dropout == model.config.attention_dropout == model.config.activation_dropout == 0.0
    assert model.config.max_position_embeddings == 256


def test_the_bart_brings_no_generation_defaults_but_its_special_tokens() -> None:
    model = AutoModelForSeq2SeqLM.from_pretrained(embedded_model_dir("bart"), local_files_only=True)
    brought = {name for name in model.generation_config.to_diff_dict() if not name.endswith("_token_id")}
    assert brought <= {"_from_model_config", "transformers_version", "use_cache"}
    assert not (embedded_model_dir("bart") / "generation_config.json").exists()


@pytest.mark.parametrize(
    ("architecture", "most_bytes", "highest_loss"),
    [("gpt2", 4_000_000, 1.0), ("roberta", 4_000_000, 2.0), ("bart", 6_000_000, 1.0)],
)
def test_the_folder_is_small_and_says_where_it_comes_from(
    architecture: str, most_bytes: int, highest_loss: float
) -> None:
    assert sum(path.stat().st_size for path in embedded_model_dir(architecture).iterdir()) < most_bytes
    provenance = _provenance(architecture)
    assert provenance["arguments"]["architecture"] == architecture
    assert provenance["source_validation_loss"] < highest_loss
    weights = (embedded_model_dir(architecture) / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == provenance["weights_sha256"]


LOADERS = {"gpt2": AutoModelForCausalLM, "roberta": AutoModelForMaskedLM, "bart": AutoModelForSeq2SeqLM}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_weights_know_what_the_provenance_says(scripts: Any, architecture: str) -> None:
    """Measured anew on the first hundred of the held-out texts, which vary by some per cent."""
    provenance, folder = _provenance(architecture), embedded_model_dir(architecture)
    recipe, settings = scripts.RECIPES[architecture], scripts.Settings(**provenance["arguments"])
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    held_out = scripts.read_examples(recipe, settings.seed + 1, 100, tokenizer, hashlib.sha256())
    batches = scripts.make_batches(held_out, recipe.pad, settings.batch_size, settings.seed)
    model = LOADERS[architecture].from_pretrained(folder, local_files_only=True)
    measured = scripts.evaluate(model, batches, recipe.loss)
    assert measured == pytest.approx(provenance["source_validation_loss"], rel=0.1)


@pytest.mark.golden
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_grammar_still_writes_the_first_texts_the_weights_were_trained_on(scripts: Any, architecture: str) -> None:
    provenance = _provenance(architecture)
    recipe = scripts.RECIPES[architecture]
    assert scripts.corpus_head_sha256(recipe, provenance["arguments"]["seed"]) == provenance["corpus_head_sha256"]


@pytest.mark.golden
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_script_still_makes_the_shipped_tokenizer(scripts: Any, architecture: str) -> None:
    settings = scripts.Settings(**_provenance(architecture)["arguments"])
    made = scripts.tokenizer_json(scripts.RECIPES[architecture].train_tokenizer(settings))
    assert made == (embedded_model_dir(architecture) / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_script_still_has_the_settings_of_the_shipped_weights(scripts: Any, architecture: str) -> None:
    assert scripts.Settings(**_provenance(architecture)["arguments"]) == scripts.RECIPES[architecture].DEFAULTS


@pytest.mark.golden
def test_the_grammar_still_writes_all_the_text_the_gpt2_weights_were_trained_on(read: Pairs) -> None:
    provenance = _provenance("gpt2")
    text = "".join(f"{linearise(slots)}\t{text}\n" for slots, text in read)
    assert hashlib.sha256(text.encode()).hexdigest() == provenance["corpus_sha256"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_provenance_names_the_shipped_tokenizer(architecture: str) -> None:
    assert _tokenizer_is_named(embedded_model_dir(architecture))


def _tokenizer_is_named(folder: Path) -> bool:
    provenance = json.loads((folder / "PROVENANCE.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    return bool(provenance["tokenizer_sha256"] == digest)


def test_separator_and_end_are_the_one_special_token(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.all_special_tokens == ["<|endoftext|>"]
    assert tokenizer.eos_token_id == tokenizer.bos_token_id == tokenizer.pad_token_id == 0
    assert len(tokenizer) == 1536


@pytest.mark.parametrize("architecture", ["roberta", "bart"])
def test_one_text_and_two_are_bracketed_as_the_hub_tokenizers_do(architecture: str) -> None:
    tokenizer = _tokenizer(architecture)
    assert len(tokenizer) == 1536
    assert tokenizer.convert_ids_to_tokens(range(5)) == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    one, two = tokenizer("A hotel.")["input_ids"], tokenizer("A hotel.", "A pub.")
    assert tokenizer.convert_ids_to_tokens(one) == ["<s>", "ĠA", "Ġhotel", ".", "</s>"]
    assert tokenizer.decode(two["input_ids"]) == "<s> A hotel.</s></s> A pub.</s>"
    assert set(two) == {"input_ids", "attention_mask"}


@pytest.mark.property
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@given(text=st.text())
def test_the_tokenizer_gives_any_text_back(
    tokenizers: dict[str, PreTrainedTokenizerFast], architecture: str, text: str
) -> None:
    """RoBERTa's and BART's take the first blank for the one they put before the first word."""
    expected = text if architecture == "gpt2" else text.removeprefix(" ")
    tokenizer = tokenizers[architecture]
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == expected


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
        tiny = [part for name, value in TINY.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        command = [sys.executable, str(SCRIPTS / "pretrain_embedded.py"), "gpt2", *tiny, *paths, *more]
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


@pytest.mark.invariant
@pytest.mark.parametrize("architecture", ["roberta", "bart"])
def test_a_pretraining_run_that_stopped_continues_to_the_same_weights(
    scripts: Any, architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = scripts.RECIPES[architecture]
    settings = replace(recipe.DEFAULTS, **TINY | {"steps": 12})
    scripts.pretrain(settings, tmp_path / "unbroken", tmp_path / "unbroken.pt", checkpoint_every=12)

    calls = iter(range(8))
    loss = recipe.loss

    def stops(model: Any, ids: Tensor, labels: Tensor) -> Tensor:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        found: Tensor = loss(model, ids, labels)
        return found

    monkeypatch.setattr(recipe, "loss", stops)
    with pytest.raises(KeyboardInterrupt):
        scripts.pretrain(settings, tmp_path / "cut", tmp_path / "cut.pt", checkpoint_every=5)
    monkeypatch.undo()
    assert not (tmp_path / "cut").exists()
    assert torch.load(tmp_path / "cut.pt", weights_only=True)["step"] == 5
    scripts.pretrain(settings, tmp_path / "cut", tmp_path / "cut.pt", checkpoint_every=5)

    unbroken, cut = (load_file(tmp_path / name / "model.safetensors") for name in ("unbroken", "cut"))
    assert unbroken.keys() == cut.keys()
    assert all(torch.equal(unbroken[name], cut[name]) for name in unbroken)
    assert _tokenizer_is_named(tmp_path / "cut")


def test_a_third_of_the_tokens_is_wanted_and_shown_as_mask_as_another_or_as_itself(
    scripts: Any, tokenizers: dict[str, PreTrainedTokenizerFast]
) -> None:
    recipe, tokenizer = scripts.RECIPES["roberta"], tokenizers["roberta"].backend_tokenizer
    rng = random.Random(1)
    wanted = total = as_mask = as_other = 0
    for first, second in islice(recipe.texts(1), 300):
        whole = tokenizer.encode(first, second).ids if second else tokenizer.encode(first).ids
        shown, labels = recipe.encode(tokenizer, first, second, rng)
        assert len(shown) == len(labels) == len(whole)
        for before, after, label in zip(whole, shown, labels, strict=True):
            assert label == before or (label == -100 and after == before)
            wanted += label != -100
            as_mask += after == 4
            as_other += after not in (before, 4)
            total += before > 4
    assert wanted / total == pytest.approx(0.3, abs=0.03)
    assert as_mask / wanted == pytest.approx(0.6, abs=0.03)
    assert as_other / wanted == pytest.approx(0.2, abs=0.06)  # 0.25, less those that happen to be the same


def test_a_corrupted_document_lacks_a_third_of_its_tokens_and_asks_for_all_of_them(
    scripts: Any, tokenizers: dict[str, PreTrainedTokenizerFast]
) -> None:
    recipe, tokenizer = scripts.RECIPES["bart"], tokenizers["bart"].backend_tokenizer
    rng = random.Random(1)
    kept = total = 0
    for document, _ in islice(recipe.texts(1), 100):
        corrupted, wanted = recipe.encode(tokenizer, document, "", rng)
        assert tokenizer.decode(list(wanted), skip_special_tokens=True) == document
        assert (corrupted[0], corrupted[-1]) == (0, 2)
        assert 4 in corrupted
        kept += sum(token > 4 for token in corrupted)
        total += sum(token > 4 for token in wanted)
    assert 1 - kept / total == pytest.approx(0.3, abs=0.06)

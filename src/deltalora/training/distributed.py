"""The processes that share one run: who leads, how the others wait, and how the failure of one becomes the end of all.

`torchrun` and `accelerate launch` start the same command several times and tell each copy its place by environment
variables. Rank 0 leads: it alone holds the run's lock and writes. What the processes exchange beside gradients
goes through the launcher's key-value store and not through collectives: a collective of another order would hang or mix
numbers, and NCCL's cannot be waited for while the leader decodes for hours.
"""

import hashlib
import logging
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.distributed import distributed_c10d

from deltalora.errors import ConfigError, UserError, one_line

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two looks into the store.
_LOOK_EVERY_S = 0.05

#: Seconds a process waits for another's word: longer than any decoding, so that only a leader that hangs runs into it.
_LONGEST_WAIT_S = 48 * 3600.0

#: Seconds a failing process gives the leader to write the record, before its own end makes the launcher kill all.
_GRACE_S = 5.0

_FAILURE, _FAILURES, _RECORDED = "failure", "failures", "recorded"


class PeerFailedError(RuntimeError):
    """Another process of this run failed."""


class _Failure(NamedTuple):
    """How a process ended, for the others."""

    rank: int
    kind: str
    message: str
    interrupted: bool
    users: bool

    def error(self) -> BaseException:
        """Return the error that the other processes raise."""
        if self.interrupted:
            return KeyboardInterrupt()
        if self.users:
            return UserError(self.message if self.rank == 0 else f"process {self.rank}: {self.message}")
        return PeerFailedError(f"process {self.rank}: {self.kind}: {self.message}")


def launched() -> int:
    """Return how many processes the launcher has started for this command; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Return whether this process is the one that shows and writes; true without a launcher."""
    return int(os.environ.get("RANK", "0")) == 0


class Processes:
    """This process among those of its run.

    Every method that exchanges something must be called by all processes in the same order.

    Args:
        rank: This process; 0 leads.
        count: How many there are.
        store: Of the launcher; None for a process alone.
    """

    def __init__(self, rank: int = 0, count: int = 1, store: Any = None) -> None:
        self.rank = rank
        self.count = count
        self._store = store
        self._exchanges = 0
        self._records = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def together(self, do: Callable[[], T], same: Callable[[T], str] = lambda value: "") -> T:
        """Do something on every process; all go on only if all could.

        Args:
            do: What every process does.
            same: What must be equal of the results of all.

        Raises:
            UserError: Raised by `do` here or on another process, whose number is named.
            ConfigError: The results differ.
            PeerFailedError: Another process failed otherwise.
        """
        if self._store is None:
            return do()
        exchange = self._next()
        try:
            value = do()
            said: object = same(value)
        except Exception as error:
            self._say(f"{exchange}/{self.rank}", self._failure(error))
            raise
        self._say(f"{exchange}/{self.rank}", said)
        heard = [self._hear(f"{exchange}/{rank}") for rank in range(self.count)]
        for failure in heard:
            if isinstance(failure, _Failure):
                raise failure.error()
        if len(set(heard)) > 1:
            raise ConfigError(
                f"expected all {self.count} processes to name one run, found {', '.join(map(str, heard))}: "
                "give every node the same command, the same data and the same weights"
            )
        return value

    def from_leader(self, do: Callable[[], T]) -> T:
        """Return on all processes what the leader alone does; the others wait for it.

        Raises:
            UserError: Raised by `do`.
            PeerFailedError: The leader failed otherwise.
        """
        if self._store is None:
            return do()
        exchange = self._next()
        if self.leads:
            try:
                value = do()
            except Exception as error:
                self._say(exchange, self._failure(error))
                raise
            self._say(exchange, value)
            return value
        heard = self._hear(exchange)
        if isinstance(heard, _Failure):
            raise heard.error()
        learnt: T = heard
        return learnt

    def cause(self, error: BaseException) -> BaseException:
        """Report an error to the others, and return what ended the run: the first error reported.

        To be called within `recording`.

        A process that dies breaks the connections of all, and the launcher then ends them by a signal: what they see
        themselves is a consequence. An error of the same kind here as there (a loss that is not finite, on all
        processes at once) stays this process's own.
        """
        if self._store is None:
            return error
        own = self._failure(error)
        reported, counted = f"{_FAILURE}/{self._records}", f"{_FAILURES}/{self._records}"
        if not isinstance(error, PeerFailedError) and self._store.add(counted, 1) == 1:
            self._say(reported, own)
            return error
        first = self._hear(reported, _GRACE_S) if self._store.add(counted, 0) else own
        return error if first.kind == own.kind or isinstance(error, PeerFailedError) else first.error()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Shield the leader's last act from the launcher's signals; the others wait for its end."""
        if self._store is None:
            yield
            return
        self._records += 1  # a run and the one that starts from it both leave one
        key = f"{_RECORDED}/{self._records}"
        if not self.leads:
            yield
            self._wait_until(lambda: self._store.check([key]), _GRACE_S)
            return
        with _undisturbed():
            yield
            self._say(key, True)

    def _failure(self, error: BaseException) -> _Failure:
        interrupted, users = not isinstance(error, Exception), isinstance(error, UserError)
        return _Failure(self.rank, type(error).__name__, one_line(error), interrupted, users)

    def _next(self) -> str:
        self._exchanges += 1
        return str(self._exchanges)

    def _say(self, key: str, value: object) -> None:
        self._store.set(key, pickle.dumps(value))

    def _hear(self, key: str, longest_s: float = _LONGEST_WAIT_S) -> Any:
        """Poll, since a blocking wait inside the store could not be interrupted by a signal."""
        if not self._wait_until(lambda: self._store.check([key]), longest_s):
            raise PeerFailedError(f"no word from the other processes within {longest_s:.0f} s")
        return pickle.loads(self._store.get(key))  # written by this very program

    @staticmethod
    def _wait_until(ready: Callable[[], bool], longest_s: float) -> bool:
        limit = time.monotonic() + longest_s
        while not ready():
            if time.monotonic() > limit:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True


#: One for the life of a process, since the names of its exchanges count on.
_joined: list[Processes] = []


def join(rank: int, count: int) -> Processes:
    """Return this process's place among those that torch.distributed has brought together."""
    if count == 1:
        return Processes()
    if not _joined:
        # The launcher's own store: torch.distributed has met through it, but shows it only here.
        store = distributed_c10d.PrefixStore("deltalora", distributed_c10d._get_default_store())
        _joined.append(Processes(rank, count, store))
    return _joined[0]


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore SIGTERM and SIGINT: a launcher sends one as soon as any process has ended, and kills 30 s later."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    chosen = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(one) for one in chosen]
    try:
        for one in chosen:
            signal.signal(one, signal.SIG_IGN)
    except KeyboardInterrupt:  # the one signal, come in between
        for one in chosen:
            signal.signal(one, signal.SIG_IGN)
    try:
        yield
    finally:
        for one, handler in zip(chosen, before, strict=True):
            signal.signal(one, handler)


class DriftedError(RuntimeError):
    """The processes of a run hold different weights."""


def fingerprint(state: Mapping[str, Tensor]) -> bytes:
    """SHA-256 over names and bits of all tensors, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.digest()


def check_alike(accelerator: Accelerator, state: Mapping[str, Tensor]) -> None:
    """Compare everything a resumed run needs over all processes; a process alone has nothing to compare.

    Args:
        accelerator: Must be called by all its processes.
        state: `Method.state_dict`: what is trained, Delta-LoRA's W, AdaLoRA's averages, DyLoRA's generator.

    Raises:
        DriftedError: They differ; on all processes.
    """
    if accelerator.num_processes == 1:
        return
    mine = torch.tensor(list(fingerprint(state)), dtype=torch.uint8, device=accelerator.device)
    rows = accelerator.gather(mine.unsqueeze(0))
    different = [rank for rank, row in enumerate(rows) if not torch.equal(row, rows[0])]
    if different:
        raise DriftedError(
            f"expected the same weights on all {accelerator.num_processes} processes, found others than the first's on "
            f"{', '.join(map(str, different))}: use the same processors, libraries and runtime.threads on all nodes"
        )

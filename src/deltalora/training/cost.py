"""What a run costs: seconds by phase, tokens, and the largest memory seen."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch


class Stopwatch:
    """Seconds by phase; phases do not overlap, so their sum is never more than the wall time.

    Args:
        seconds: What earlier starts of the same run have taken.
    """

    def __init__(self, seconds: dict[str, float] | None = None) -> None:
        self.seconds = dict(seconds or {})

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time of a `with` block to a phase."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


class PeakMemory:
    """The largest memory in use during a `with` block, in bytes: allocated on a GPU, else resident in this process.

    On the CPU it is sampled twenty times a second rather than read from the process's high-water mark, which in a
    worker that has done another run before would be that run's.
    """

    def __init__(self, device: torch.device, interval_s: float = 0.05) -> None:
        self.bytes = 0
        self._device = device
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "PeakMemory":
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._device.type == "cuda":
            self.bytes = torch.cuda.max_memory_allocated(self._device)
        else:
            self._stop.set()
            self._thread.join()

    def _sample(self) -> None:
        process = psutil.Process()
        while True:
            self.bytes = max(self.bytes, process.memory_info().rss)
            if self._stop.wait(self._interval_s):
                return

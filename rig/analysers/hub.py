"""What the virtual and the emulated analyser share: a recorder that never stops, cut to a window."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping

from rig.analysers.model import (
    SECOND_NS,
    Armed,
    DeviceGone,
    ShortCapture,
    Trigger,
    TriggerNeverCame,
    check_arming,
)
from rig.capture import Capture, CaptureError
from rig.processes import BenchError

POLL_S = 0.005


class Recorder(ABC):
    """An analyser over a record of all edges since the bench came up, stamped in whole nanoseconds."""

    name: str
    lines: tuple[str, ...]
    sample_rate_hz = SECOND_NS
    most_s = 3600.0
    poll_s = POLL_S

    def __init__(self) -> None:
        self._armed = Armed()
        self._trigger: Trigger | None = None
        self._duration_ns: int | None = None
        self._start_ns = 0

    @abstractmethod
    def describe(self) -> Mapping[str, str]:
        """See Analyser.describe."""

    @abstractmethod
    def so_far(self) -> Capture:
        """Return everything up to now, in the record's own clock. Raises BenchError, CaptureError."""

    def arm(self, trigger: Trigger | None, duration_s: float | None) -> None:
        """Note the time; see Analyser.arm."""
        check_arming(self, trigger, duration_s)
        self._armed.begin()
        try:
            self._start_ns = self._record().end_ns
        except BaseException:
            self._armed.end()
            raise
        self._trigger = trigger
        self._duration_ns = None if duration_s is None else round(duration_s * SECOND_NS)

    def wait(self, timeout_s: float) -> Capture:
        """See Analyser.wait."""
        self._armed.end()
        if self._duration_ns is None:
            raise ShortCapture(f"{self.name}: armed without a duration: end it with stop")
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self._record()
            begun_ns = self._begun(seen)
            if begun_ns is not None and seen.end_ns >= begun_ns + self._duration_ns:
                return seen.window(self._start_ns, begun_ns + self._duration_ns)
            if time.monotonic() > deadline:
                if begun_ns is None:
                    raise TriggerNeverCame(
                        f"{self.name}: {self._trigger} never came within {timeout_s:g} s"
                    )
                have_s = (seen.end_ns - begun_ns) / SECOND_NS
                wanted_s = self._duration_ns / SECOND_NS
                raise ShortCapture(f"{self.name}: {have_s:.6f} s instead of {wanted_s:.6f} s")
            time.sleep(self.poll_s)

    def stop(self) -> Capture:
        """See Analyser.stop."""
        self._armed.end()
        if self._duration_ns is not None:
            raise ShortCapture(f"{self.name}: stopped before its duration was over")
        seen = self._record()
        return seen.window(self._start_ns, seen.end_ns)

    def close(self) -> None:
        """Forget a capture under way; the record is the bench's."""
        self._armed.on = False

    def _record(self) -> Capture:
        try:
            return self.so_far()
        except (BenchError, CaptureError) as error:
            raise DeviceGone(f"{self.name}: the record of the bench is gone: {error}") from None

    def _begun(self, seen: Capture) -> int | None:
        """When the duration began: at the first such edge after arming; None before it."""
        if self._trigger is None:
            return self._start_ns
        times = seen.times(self._trigger.line)
        later = times[times > self._start_ns]
        right = [
            int(t) for t in later if seen.level_at(self._trigger.line, t) == self._trigger.level
        ]
        return right[0] if right else None

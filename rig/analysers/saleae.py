"""Saleae Logic through the automation interface of its program Logic 2 (gRPC).

Logic 2 must run with its automation server on (`Logic --automation`); it, not we, holds the device.
Logic 2 ends a capture with an error when it lost data or the device, and is believed in that. Its CSV
ends with the last edge, so a capture reaches as far as was asked for; one that was ended by `stop`
reaches to its last edge.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rig.analysers.model import (
    SECOND_NS,
    Armed,
    CaptureFailed,
    ShortCapture,
    Trigger,
    TriggerNeverCame,
    check_arming,
)
from rig.analysers.saleae_api import Logic2, SaleaeOptions
from rig.analysers.saleae_csv import Row, read_digital_csv
from rig.capture import LINES, Capture, CaptureError, from_events
from rig.parts import OptionError


class SaleaeAnalyser:
    """One connection to Logic 2, one device of it."""

    name = "saleae"
    lines: tuple[str, ...] = LINES
    most_s = 3600.0

    def __init__(self, options: SaleaeOptions) -> None:
        if len(options.channels) != len(LINES) or len(set(options.channels)) != len(LINES):
            raise OptionError(f"analyser saleae: channels: {len(LINES)} different ones are needed")
        self._logic2 = Logic2(options)
        self._options = options
        self.sample_rate_hz = options.sample_rate_hz
        self._armed = Armed()
        self._capture: Any = None
        self._trigger: Trigger | None = None
        self._duration_ns: int | None = None
        self._start_ns = 0

    def describe(self) -> Mapping[str, str]:
        """See Analyser.describe."""
        return self._logic2.describe()

    def arm(self, trigger: Trigger | None, duration_s: float | None) -> None:
        """See Analyser.arm."""
        check_arming(self, trigger, duration_s)
        self._armed.begin()
        self._trigger = trigger
        self._duration_ns = None if duration_s is None else round(duration_s * SECOND_NS)
        api, options = self._logic2.api, self._options
        device = api.LogicDeviceConfiguration(
            enabled_digital_channels=list(options.channels),
            digital_sample_rate=options.sample_rate_hz,
            digital_threshold_volts=options.threshold_volts or None,
        )
        capture = api.CaptureConfiguration(
            buffer_size_megabytes=options.buffer_megabytes,
            capture_mode=self._mode(trigger, duration_s),
        )
        try:
            with self._logic2.told("the start"):
                self._capture = self._logic2.manager.start_capture(
                    device_id=self._logic2.device.device_id,
                    device_configuration=device,
                    capture_configuration=capture,
                )
        except BaseException:
            self._armed.end()
            raise
        self._start_ns = time.monotonic_ns()

    def wait(self, timeout_s: float) -> Capture:
        """See Analyser.wait."""
        self._armed.end()
        try:
            if self._duration_ns is None:
                raise ShortCapture("saleae: armed without a duration: end it with stop")
            self._await_end(timeout_s)
            return self._exported()
        finally:
            self._drop_capture()

    def stop(self) -> Capture:
        """See Analyser.stop."""
        self._armed.end()
        try:
            if self._duration_ns is not None:
                raise ShortCapture("saleae: stopped before its duration was over")
            with self._logic2.told("the capture"):
                self._capture.stop()
            return self._exported()
        finally:
            self._drop_capture()

    def close(self) -> None:
        """See Analyser.close."""
        self._drop_capture()
        self._armed.on = False
        self._logic2.close()

    def _await_end(self, timeout_s: float) -> None:
        # In a thread, for the package's call has no time-out; one that hangs ends with the connection.
        pool = concurrent.futures.ThreadPoolExecutor(1, "saleae-wait")
        waiting = pool.submit(self._capture.wait)
        pool.shutdown(wait=False)
        try:
            with self._logic2.told("the capture"):
                waiting.result(timeout_s)
        except concurrent.futures.TimeoutError:
            raise self._too_late(timeout_s) from None

    def _mode(self, trigger: Trigger | None, duration_s: float | None) -> Any:
        if trigger is not None:
            return self._logic2.api.DigitalTriggerCaptureMode(
                trigger_type=self._logic2.api.DigitalTriggerType[trigger.edge.upper()],
                trigger_channel_index=self._options.channels[LINES.index(trigger.line)],
                after_trigger_seconds=duration_s,
            )
        if duration_s is not None:
            return self._logic2.api.TimedCaptureMode(duration_seconds=duration_s)
        return self._logic2.api.ManualCaptureMode()

    def _too_late(self, timeout_s: float) -> CaptureFailed:
        if self._trigger is not None:
            return TriggerNeverCame(f"saleae: {self._trigger} never came within {timeout_s:g} s")
        return ShortCapture(f"saleae: still recording after {timeout_s:g} s")

    def _exported(self) -> Capture:
        with tempfile.TemporaryDirectory(prefix="bot4-saleae-") as folder:
            channels = list(self._options.channels)
            with self._logic2.told("the export"):
                self._capture.export_raw_data_csv(folder, digital_channels=channels)
            rows = read_digital_csv(Path(folder) / "digital.csv", channels)
        events = [
            (self._start_ns + at, place, level)
            for at, levels in rows
            for place, level in enumerate(levels)
        ]
        try:
            return from_events(
                events,
                bench=self.name,
                initial={},
                start_ns=self._start_ns,
                end_ns=self._start_ns + self._length_ns(rows),
            )
        except CaptureError as error:
            raise CaptureFailed(f"saleae: {error}") from None

    def _length_ns(self, rows: list[Row]) -> int:
        last_ns = rows[-1][0]
        if self._duration_ns is None:
            return last_ns
        return max(last_ns, self._triggered_ns(rows) + self._duration_ns)

    def _triggered_ns(self, rows: list[Row]) -> int:
        if self._trigger is None:
            return 0
        place, level = LINES.index(self._trigger.line), self._trigger.level
        for (_t, before), (at, after) in zip(rows, rows[1:], strict=False):
            if (before[place], after[place]) == (1 - level, level):
                return at
        raise CaptureFailed(f"saleae: {self._trigger} is not in the capture that it triggered")

    def _drop_capture(self) -> None:
        """Close the capture in Logic 2, where it would keep its memory."""
        capture, self._capture = self._capture, None
        if capture is not None:
            with contextlib.suppress(self._logic2.rpc_error, self._logic2.errors.SaleaeError):
                capture.close()

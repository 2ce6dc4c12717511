"""Saleae Logic through the automation interface of its program Logic 2 (gRPC).

Logic 2 must run with its automation server on (`Logic --automation`); it, not we, holds the device.
Logic 2 ends a capture with an error when it lost data or the device, and is believed in that. Its CSV
ends with the last edge, so a capture reaches as far as was asked for; one that was ended by `stop`
reaches to its last edge.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib.metadata
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from rig.analysers.model import (
    SECOND_NS,
    AnalyserAbsent,
    Armed,
    CaptureFailed,
    DeviceGone,
    Overrun,
    ShortCapture,
    Trigger,
    TriggerNeverCame,
    check_arming,
)
from rig.analysers.saleae_csv import Row, read_digital_csv
from rig.capture import LINES, Capture, CaptureError, from_events
from rig.parts import OptionError, PartOptions

PACKAGE = "logic2-automation"
# s. Every call but the one that waits for the end of a capture; an export may take long.
CALL_S, EXPORT_S = 10.0, 300.0
SERVICE = "saleae.automation.Manager"

Channel = Annotated[int, Meta(ge=0, le=15)]


class SaleaeOptions(PartOptions, frozen=True):
    """A device of Saleae.

    device_id -- serial number; may be left out where there is one device only
    channels -- the device's numbers of D0..D7 of the wiring table, in that order
    threshold_volts -- 1.2, 1.8 or 3.3; Pro devices only
    buffer_megabytes -- Logic 2 ends the capture with an error when it is full
    simulation -- take Logic 2's simulated devices too: their captures prove nothing
    """

    sample_rate_hz: Annotated[int, Meta(ge=1, le=SECOND_NS)]
    device_id: str = ""
    address: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 10430
    channels: tuple[Channel, ...] = tuple(range(len(LINES)))
    threshold_volts: float = 0.0
    buffer_megabytes: Annotated[int, Meta(ge=1)] = 1024
    connect_s: Annotated[float, Meta(gt=0)] = 5.0
    simulation: bool = False


class SaleaeAnalyser:
    """One connection to Logic 2, one device of it."""

    name = "saleae"
    lines: tuple[str, ...] = LINES
    most_s = 3600.0

    def __init__(self, options: SaleaeOptions) -> None:
        if len(options.channels) != len(LINES) or len(set(options.channels)) != len(LINES):
            raise OptionError(f"analyser saleae: channels: {len(LINES)} different ones are needed")
        self._api, self._errors, self._rpc_error = _package()
        self._options = options
        self.sample_rate_hz = options.sample_rate_hz
        self._armed = Armed()
        self._capture: Any = None
        self._trigger: Trigger | None = None
        self._duration_ns: int | None = None
        self._start_ns = 0
        self._manager = self._connect()
        try:
            self._device = self._find()
        except BaseException:
            self.close()
            raise

    def describe(self) -> Mapping[str, str]:
        """See Analyser.describe."""
        with self._told("describe"):
            app = self._manager.get_app_info()
        api = app.api_version
        return {
            "driver": f"{PACKAGE} {importlib.metadata.version(PACKAGE)}",
            "Logic 2": app.app_version,
            "interface": f"{api.major}.{api.minor}.{api.patch}",
            "device": self._device.device_type.name + (" (simulated)" * self._device.is_simulation),
            "serial number": self._device.device_id,
            "sample rate": f"{self.sample_rate_hz} Hz",
        }

    def arm(self, trigger: Trigger | None, duration_s: float | None) -> None:
        """See Analyser.arm."""
        check_arming(self, trigger, duration_s)
        self._armed.begin()
        self._trigger = trigger
        self._duration_ns = None if duration_s is None else round(duration_s * SECOND_NS)
        api, options = self._api, self._options
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
            with self._told("the start"):
                self._capture = self._manager.start_capture(
                    device_id=self._device.device_id,
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
            with self._told("the capture"):
                self._capture.stop()
            return self._exported()
        finally:
            self._drop_capture()

    def close(self) -> None:
        """See Analyser.close."""
        self._drop_capture()
        self._armed.on = False
        if self._manager is not None:
            self._manager.close()  # which also ends a call that still waits
            self._manager = None

    def _await_end(self, timeout_s: float) -> None:
        # In a thread, for the package's call has no time-out; one that hangs ends with the connection.
        pool = concurrent.futures.ThreadPoolExecutor(1, "saleae-wait")
        waiting = pool.submit(self._capture.wait)
        pool.shutdown(wait=False)
        try:
            with self._told("the capture"):
                waiting.result(timeout_s)
        except concurrent.futures.TimeoutError:
            raise self._too_late(timeout_s) from None

    def _mode(self, trigger: Trigger | None, duration_s: float | None) -> Any:
        if trigger is not None:
            return self._api.DigitalTriggerCaptureMode(
                trigger_type=self._api.DigitalTriggerType[trigger.edge.upper()],
                trigger_channel_index=self._options.channels[LINES.index(trigger.line)],
                after_trigger_seconds=duration_s,
            )
        if duration_s is not None:
            return self._api.TimedCaptureMode(duration_seconds=duration_s)
        return self._api.ManualCaptureMode()

    def _connect(self) -> Any:
        options = self._options
        # The package's own calls have no time limit; gRPC takes one for each method.
        limits = [
            {"name": [{"service": SERVICE}], "timeout": f"{CALL_S:g}s"},
            {"name": [{"service": SERVICE, "method": "WaitCapture"}]},
            {
                "name": [{"service": SERVICE, "method": "ExportRawDataCsv"}],
                "timeout": f"{EXPORT_S:g}s",
            },
        ]
        config = ("grpc.service_config", json.dumps({"methodConfig": limits}))
        where = f"{options.address}:{options.port}"
        try:
            return self._api.Manager.connect(
                address=options.address,
                port=options.port,
                connect_timeout_seconds=options.connect_s,
                grpc_channel_arguments=[config],
            )
        except self._errors.IncompatibleApiVersionError:
            raise AnalyserAbsent(
                f"analyser saleae: Logic 2 at {where} speaks another version of the interface than "
                f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"
            ) from None
        except (self._rpc_error, self._errors.SaleaeError) as error:
            raise AnalyserAbsent(
                f"analyser saleae: no Logic 2 answers at {where} ({_words(error)}): start it with "
                "--automation"
            ) from None

    def _find(self) -> Any:
        with self._told("the list of devices"):
            devices = self._manager.get_devices(include_simulation_devices=self._options.simulation)
        wanted = self._options.device_id
        found = [device for device in devices if device.device_id == wanted or not wanted]
        if len(found) == 1:
            return found[0]
        there = ", ".join(device.device_id for device in devices) or "none"
        if wanted:
            raise AnalyserAbsent(f"analyser saleae: no device {wanted!r} (found: {there})")
        raise AnalyserAbsent(f"analyser saleae: name one device with device_id (found: {there})")

    def _too_late(self, timeout_s: float) -> CaptureFailed:
        if self._trigger is not None:
            return TriggerNeverCame(f"saleae: {self._trigger} never came within {timeout_s:g} s")
        return ShortCapture(f"saleae: still recording after {timeout_s:g} s")

    def _exported(self) -> Capture:
        with tempfile.TemporaryDirectory(prefix="bot4-saleae-") as folder:
            channels = list(self._options.channels)
            with self._told("the export"):
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
            with contextlib.suppress(self._rpc_error, self._errors.SaleaeError):
                capture.close()

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what Logic 2 answers into our errors."""
        errors = self._errors
        try:
            yield
        except errors.MissingDeviceError as error:
            raise AnalyserAbsent(f"saleae: the device is not there: {_words(error)}") from None
        except errors.OutOfMemoryError as error:
            raise Overrun(f"saleae: the capture buffer is full: {_words(error)}") from None
        except errors.DeviceError as error:
            raise DeviceGone(f"saleae: {_words(error)}") from None
        except errors.InvalidRequestError as error:
            raise OptionError(f"analyser saleae: Logic 2 refuses {what}: {_words(error)}") from None
        except errors.SaleaeError as error:
            raise CaptureFailed(f"saleae: {what} failed: {_words(error)}") from None
        except self._rpc_error as error:
            raise DeviceGone(f"saleae: Logic 2 is gone during {what}: {_words(error)}") from None


def _package() -> tuple[Any, Any, type[Exception]]:
    """Return what the package has; it is an extra, and nothing else of the bench needs it."""
    try:
        import grpc
        import saleae.automation
        from saleae.automation import errors
    except ImportError:
        raise AnalyserAbsent(
            f"analyser saleae: no package {PACKAGE}: pip install 'bot4[saleae]'"
        ) from None
    return saleae.automation, errors, grpc.RpcError


def _words(error: Exception) -> str:
    """Return what an error says, in one line."""
    details = getattr(error, "details", None)
    said = details() if callable(details) else str(error)
    return " ".join((said or type(error).__name__).split())

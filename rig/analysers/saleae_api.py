"""The connection to Saleae's program Logic 2: package `logic2-automation`, devices, errors."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta

from rig.analysers.model import (
    SECOND_NS,
    AnalyserAbsent,
    CaptureFailed,
    DeviceGone,
    Overrun,
)
from rig.capture import LINES
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


class Logic2:
    """A running Logic 2 and the one device that the options mean. Raises AnalyserAbsent.

    api, manager -- the package, and its connection
    """

    def __init__(self, options: SaleaeOptions) -> None:
        self.api, self.errors, self.rpc_error = _package()
        self._options = options
        self.manager = self._connect()
        try:
            self.device = self._find()
        except BaseException:
            self.close()
            raise

    def describe(self) -> Mapping[str, str]:
        """Return device, serial number and versions."""
        with self.told("describe"):
            app = self.manager.get_app_info()
        api = app.api_version
        return {
            "driver": f"{PACKAGE} {importlib.metadata.version(PACKAGE)}",
            "Logic 2": app.app_version,
            "interface": f"{api.major}.{api.minor}.{api.patch}",
            "device": self.device.device_type.name + (" (simulated)" * self.device.is_simulation),
            "serial number": self.device.device_id,
            "sample rate": f"{self._options.sample_rate_hz} Hz",
        }

    def close(self) -> None:
        """End the connection, and with it a call that still waits; may be called again."""
        if self.manager is not None:
            self.manager.close()
            self.manager = None

    @contextlib.contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Turn what Logic 2 answers into our errors."""
        errors = self.errors
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
        except self.rpc_error as error:
            raise DeviceGone(f"saleae: Logic 2 is gone during {what}: {_words(error)}") from None

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
            return self.api.Manager.connect(
                address=options.address,
                port=options.port,
                connect_timeout_seconds=options.connect_s,
                grpc_channel_arguments=[config],
            )
        except self.errors.IncompatibleApiVersionError:
            raise AnalyserAbsent(
                f"analyser saleae: Logic 2 at {where} speaks another version of the interface than "
                f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"
            ) from None
        except (self.rpc_error, self.errors.SaleaeError) as error:
            raise AnalyserAbsent(
                f"analyser saleae: no Logic 2 answers at {where} ({_words(error)}): start it with "
                "--automation"
            ) from None

    def _find(self) -> Any:
        with self.told("the list of devices"):
            devices = self.manager.get_devices(include_simulation_devices=self._options.simulation)
        wanted = self._options.device_id
        found = [device for device in devices if device.device_id == wanted or not wanted]
        if len(found) == 1:
            return found[0]
        there = ", ".join(device.device_id for device in devices) or "none"
        if wanted:
            raise AnalyserAbsent(f"analyser saleae: no device {wanted!r} (found: {there})")
        raise AnalyserAbsent(f"analyser saleae: name one device with device_id (found: {there})")


def _package() -> tuple[Any, Any, type[Exception]]:
    """Return what the package has; it is an extra, and nothing else of the bench needs it."""
    try:
        # gRPC's handlers around fork() do not go together with a bench that starts processes.
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
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

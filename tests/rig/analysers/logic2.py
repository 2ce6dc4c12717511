"""A stand-in for Saleae's program Logic 2: a gRPC server with its published interface.

Channel 2 (HALT) falls 1 ms after the start of each capture and rises 2 ms later; channel 7 never moves.
Times are as Logic 2 exports them: seconds, one row for each change.
"""

import concurrent.futures
import threading
from pathlib import Path
from typing import Any

import grpc
from saleae.grpc import saleae_pb2 as pb
from saleae.grpc import saleae_pb2_grpc

HALT = 2
ROWS = ((0.0, 1), (0.001, 0), (0.003, 1))


class Logic2(saleae_pb2_grpc.ManagerServicer):
    """One device on a port of this machine; attributes make it misbehave.

    fails -- method name -> (error code, words): answered as Logic 2 answers it
    version -- major version of the interface
    export -- rewrites what would be exported
    mute -- names of methods that never answer
    """

    def __init__(self) -> None:
        self.fails: dict[str, tuple[int, str]] = {}
        self.version = pb.THIS_API_VERSION_MAJOR
        self.devices = ["F4241"]
        self.mute: set[str] = set()
        self.export = lambda text: text
        self.started: list[Any] = []
        self.open_captures: set[int] = set()
        self._unplugged = threading.Event()
        self._over = threading.Event()
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        saleae_pb2_grpc.add_ManagerServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def pull_the_plug(self) -> None:
        """The device goes from the USB port."""
        self._unplugged.set()

    def close(self) -> None:
        """End the program."""
        self._over.set()
        self._server.stop(None).wait()

    def _check(self, method: str, context: Any) -> None:
        if method in self.mute:
            self._over.wait(30)
        if method in self.fails:
            code, words = self.fails[method]
            context.abort(grpc.StatusCode.ABORTED, f"{code}: {words}")

    def GetAppInfo(self, _request: Any, context: Any) -> Any:
        self._check("GetAppInfo", context)
        version = pb.Version(major=self.version, minor=0, patch=0)
        app = pb.AppInfo(api_version=version, application_version="2.4.22", launch_pid=1)
        return pb.GetAppInfoReply(app_info=app)

    def GetDevices(self, _request: Any, context: Any) -> Any:
        self._check("GetDevices", context)
        kind = pb.DEVICE_TYPE_LOGIC_PRO_8
        devices = [pb.Device(device_id=name, device_type=kind) for name in self.devices]
        return pb.GetDevicesReply(devices=devices)

    def StartCapture(self, request: Any, context: Any) -> Any:
        self._check("StartCapture", context)
        self.started.append(request)
        self.open_captures.add(len(self.started))
        return pb.StartCaptureReply(capture_info=pb.CaptureInfo(capture_id=len(self.started)))

    def WaitCapture(self, request: Any, context: Any) -> Any:
        self._check("WaitCapture", context)
        mode = self.started[request.capture_id - 1].capture_configuration
        trigger = mode.digital_capture_mode
        comes = not mode.HasField("digital_capture_mode") or trigger.trigger_channel_index == HALT
        seconds = trigger.after_trigger_seconds or mode.timed_capture_mode.duration_seconds
        if self._unplugged.wait(seconds if comes else 30):
            words = f"{pb.ERROR_CODE_DEVICE_ERROR}: the device was disconnected"
            context.abort(grpc.StatusCode.ABORTED, words)
        return pb.WaitCaptureReply()

    def StopCapture(self, _request: Any, context: Any) -> Any:
        self._check("StopCapture", context)
        if self._unplugged.is_set():
            words = f"{pb.ERROR_CODE_DEVICE_ERROR}: the device was disconnected"
            context.abort(grpc.StatusCode.ABORTED, words)
        return pb.StopCaptureReply()

    def ExportRawDataCsv(self, request: Any, context: Any) -> Any:
        self._check("ExportRawDataCsv", context)
        channels = request.logic_channels.digital_channels
        head = ",".join(["Time [s]", *(f"Channel {channel}" for channel in channels)])
        lines = [head]
        for at, halt in ROWS:
            levels = [str(halt if channel == HALT else 0) for channel in channels]
            lines.append(",".join([f"{at:.9f}", *levels]))
        text = self.export("\n".join(lines) + "\n")
        (Path(request.directory) / "digital.csv").write_text(text)
        return pb.ExportRawDataCsvReply()

    def CloseCapture(self, request: Any, context: Any) -> Any:
        self._check("CloseCapture", context)
        self.open_captures.discard(request.capture_id)
        return pb.CloseCaptureReply()

"""A Pico on its service cable: raw REPL through mpremote, with every failure as one clear line."""

import contextlib
import hashlib
import io
import struct
from collections.abc import Callable, Iterator
from typing import Any

import serial
from mpremote.transport import TransportError  # type: ignore[import-untyped]
from mpremote.transport_serial import SerialTransport  # type: ignore[import-untyped]

from firmware.tools.build import MICROPYTHON

ANSWER_S = 3
CHUNK_BYTES = 512

# Runs on the Pico. `digest` and `remove` are all that its file system lacks.
HELPERS = """
import binascii, hashlib, os
def digest(path):
    state = hashlib.sha256()
    try:
        with open(path, 'rb') as file:
            while True:
                chunk = file.read(512)
                if not chunk:
                    return binascii.hexlify(state.digest()).decode()
                state.update(chunk)
    except OSError:
        return ''
def remove(path):
    try:
        kind = os.stat(path)[0]
    except OSError:
        return
    if kind & 0x4000:
        for name in os.listdir(path):
            remove(path + '/' + name)
        os.rmdir(path)
    else:
        os.remove(path)
def folder(path):
    done = ''
    for part in path.split('/'):
        done = done + '/' + part
        try:
            os.mkdir(done)
        except OSError:
            pass
"""


class BoardError(Exception):
    """The Pico cannot be reached or did not do what it was told; the text is one line."""


class Board:
    """A Pico whose prompt has answered. Made by `connect`."""

    def __init__(self, transport: SerialTransport, port: str) -> None:
        self._transport = transport
        self._port = port

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression on the Pico."""
        return self._asked(lambda: self._transport.eval(expression))

    def run(self, statements: str) -> None:
        """Run statements on the Pico."""
        self._asked(lambda: self._transport.exec(statements))

    def write(self, path: str, content: bytes) -> None:
        """Write a file, and read it back by its digest. Raises BoardError when it is another one."""
        parent = path.rpartition("/")[0]
        if parent:
            self.run(f"folder({parent!r})")
        self._asked(lambda: self._transport.fs_writefile(path, content, CHUNK_BYTES))
        if self.evaluate(f"digest({path!r})") != hashlib.sha256(content).hexdigest():
            raise BoardError(f"{self._port}: {path} did not arrive as it was sent")

    def replace(self, path: str) -> None:
        """Put PATH.new in the place of PATH; littlefs does that whole or not at all."""
        self.run(f"os.rename({path + '.new'!r}, {path!r})")

    def _asked(self, action: Callable[[], Any]) -> Any:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return action()
        except (TransportError, OSError, struct.error, ValueError, SyntaxError) as error:
            words = str(error).strip().splitlines() or [type(error).__name__]
            raise BoardError(f"{self._port}: the Pico stopped answering: {words[-1]}") from None


@contextlib.contextmanager
def connect(port: str) -> Iterator[Board]:
    """Open the port and enter the raw REPL. Raises BoardError; nothing on the Pico has changed then."""
    try:
        transport = SerialTransport(port, timeout=ANSWER_S)
    except (TransportError, OSError, serial.SerialException, ValueError):
        raise BoardError(f"{port}: no such port, or another program has it open") from None
    try:
        board = _entered(transport, port)
        yield board
    finally:
        with contextlib.suppress(OSError, serial.SerialException):
            if transport.in_raw_repl:
                transport.exit_raw_repl()
            transport.close()


def _entered(transport: SerialTransport, port: str) -> Board:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            transport.enter_raw_repl(soft_reset=False, timeout_overall=ANSWER_S)
    except (TransportError, OSError, serial.SerialException):
        raise BoardError(
            f"{port}: no MicroPython prompt answers; is the service jumper in, and was the re-arm "
            "button held at power-up?"
        ) from None
    board = Board(transport, port)
    board.run(HELPERS + "import sys")
    machine, version = board.evaluate("(sys.implementation._machine, sys.version.split()[2])")
    if "RP2040" not in machine or not version.startswith(f"v{MICROPYTHON}."):
        raise BoardError(f"{port}: {machine} with {version}; a Pico with v{MICROPYTHON} is needed")
    return board

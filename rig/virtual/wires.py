"""The rig's connection to the hub: stimuli out, edges and levels in."""

import socket
import time
from collections.abc import Callable
from typing import Any

import msgspec

from controller import wiring
from rig.processes import BenchError
from rig.virtual.stimulus import Pattern

ACK = wiring.INDEX["ACK"]


class Wires:
    """Commands to the hub. Raises BenchError when the hub is gone."""

    def __init__(self, path: str) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(5)
        self._sock.connect(path)
        self._sock.sendall(b"RIGC")
        self._rest = b""
        self.edges: list[tuple[int, int, int]] = []
        self.sent: list[tuple[int, bytes]] = []

    def stimulate(self, pattern: Pattern) -> int:
        """Play a pattern of (offset us, line, level); return the bench time it began, ns."""
        return self._command(op="stimulus", pattern=pattern)["at_ns"]

    def hold_button(self, hold_s: float, poll_s: float) -> bool:
        """Hold the re-arm button until HALT rises, `hold_s` at most; return whether it rose."""
        self.stimulate([(0, "REARM", 0)])
        armed = self.wait(lambda levels: bool(levels["HALT"]), hold_s, poll_s)
        self.stimulate([(0, "REARM", 1)])
        return armed

    def mark(self) -> int:
        """Return the time now, ns; the hub records all the time."""
        return time.monotonic_ns()

    def watch(self, line: str, level: int, timeout_s: float) -> None:
        """Do nothing: a look at the edges ends no recording."""

    def wait_ack(self, timeout_s: float, period_s: Callable[[], float]) -> bool:
        """Look every so often until ACK has risen after the last stimulus; False when it does not."""
        seen = len(self.edges)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            time.sleep(period_s())
            if any(line == ACK and level for _at, line, level in self.fetch_edges()[seen:]):
                return True
        return False

    def state(self) -> dict[str, Any]:
        """Return levels, process ids of the ends, counts."""
        return self._command(op="state")

    def levels(self) -> dict[str, int]:
        """Return the level of every line by name."""
        return self.state()["levels"]

    def cut(self, wire: str) -> int:
        """Cut a wire by its line name, or SERIAL; return the time, ns."""
        return self._command(op="cut", wire=wire)["at_ns"]

    def short(self, wire: str, level: int) -> int:
        """Hold a wire's far end at a level, whatever drives it; return the time, ns."""
        return self._command(op="short", wire=wire, level=level)["at_ns"]

    def mend(self, wire: str) -> None:
        """Join a cut wire again; its next edge gets through."""
        self._command(op="mend", wire=wire)

    def fetch_edges(self) -> list[tuple[int, int, int]]:
        """Return all edges so far: (time ns, line, level)."""
        new = self._command(op="edges", **{"from": len(self.edges)})
        self.edges.extend(tuple(edge) for edge in new)
        return self.edges

    def fetch_sent(self) -> list[tuple[int, bytes]]:
        """Return all that the controller has written to the serial line: (time ns, bytes)."""
        new = self._command(op="sent", **{"from": len(self.sent)})
        self.sent.extend((at_ns, bytes.fromhex(text)) for at_ns, text in new)
        return self.sent

    def wait(
        self, condition: Callable[[dict[str, int]], bool], timeout_s: float, poll_s: float = 0.01
    ) -> bool:
        """Poll the levels until `condition(levels)`; return False when the time is up."""
        deadline = time.monotonic() + timeout_s
        while not condition(self.levels()):
            if time.monotonic() > deadline:
                return False
            time.sleep(poll_s)
        return True

    def close(self) -> None:
        """Close the connection, which ends the hub."""
        self._sock.close()

    def _command(self, **command: Any) -> Any:
        try:
            self._sock.sendall(msgspec.json.encode(command) + b"\n")
            while b"\n" not in self._rest:
                data = self._sock.recv(1 << 20)
                if not data:
                    raise BenchError("the hub closed the connection")
                self._rest += data
        except OSError as error:
            raise BenchError(f"the hub does not answer: {error}") from None
        line, _end, self._rest = self._rest.partition(b"\n")
        answer = msgspec.json.decode(line)
        if isinstance(answer, dict) and "error" in answer:
            raise BenchError(f"the hub refused: {answer['error']}")
        return answer

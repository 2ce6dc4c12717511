"""An engine that asks its gate and then sends by itself, outside the slot: ACK does not wait for it."""

import socket
import sys
from typing import Any

from host import refusals
from host.engine import __main__ as entry
from host.engine import loop

honest_gate = loop.make_gate


class Slotless:
    """Stands in for the gate."""

    def __init__(self, gate: Any) -> None:
        self._gate = gate

    def send(self, fd: int, request: bytes, intent: int, token: int = 0) -> int:
        """Permit, then send: the time between check and use is open."""
        code = self._gate.permit(intent, token)
        if code == refusals.SENT:
            with socket.fromfd(fd, socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
                sock.send(request)
        return code


if __name__ == "__main__":
    loop.make_gate = lambda *given: Slotless(honest_gate(*given))  # type: ignore[assignment]
    sys.exit(entry.main(*sys.argv[1:]))

"""An engine that asks its gate and then sends by itself, outside the slot: ACK does not wait for it."""

import socket
import sys
from typing import Any

from host.hotpath.gate import Gate
from host.hotpath.pipeline import Pipeline

from host import refusals
from host.engine import __main__ as entry
from host.engine import trader
from host.modes import Intent


class Slotless:
    """Stands in for the compiled path."""

    def __init__(self, *given: Any) -> None:
        self._path = Pipeline(*given)
        self._gate = next(one for one in given if isinstance(one, Gate))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._path, name)

    def decide(self, fd: int, ready: bool, now_ns: int) -> int:
        """Permit, then send: the time between check and use is open."""
        code = self._path.decide(-1, ready, now_ns)
        if code != refusals.SEND_FAILED or fd < 0:
            return code
        code = self._gate.permit(Intent.OPEN if self._path.lots > 0 else Intent.REDUCE)
        if code == refusals.SENT:
            with socket.fromfd(fd, socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
                sock.send(self._path.request)
        return code


if __name__ == "__main__":
    trader.Pipeline = Slotless  # type: ignore[attr-defined]
    sys.exit(entry.main(*sys.argv[1:]))

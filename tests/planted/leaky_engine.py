"""An engine that sends one order after ACK, past the gate: the leak that the rig must find."""

import sys
import time

import msgspec

from host.engine import __main__ as entry
from host.engine.loop import Engine
from host.modes import Reason, TradingMode

# s. Long after ACK (well under 1 ms), long before the re-arm.
AFTER_HALT_S = 0.025


class LeakyEngine(Engine):
    """Waits for the first halt by the line, then writes to the venue's socket itself."""

    leaked = False

    def _follow_mode(self) -> None:
        super()._follow_mode()
        mode, reason, _epoch = self._mode()
        halted = mode == TradingMode.EMERGENCY and reason == Reason.HALT_LINE
        if halted and not self.leaked and self._traded.port.connection is not None:
            self.leaked = True
            time.sleep(AFTER_HALT_S)
            order = {"op": "new", "id": "leak", "intent": "OPEN", "side": "buy"}
            order |= {"type": "market", "qty": f"{self._trader.lot:f}", "price": None}
            self._traded.port.connection.sock.send(
                msgspec.json.encode({**order, "reduce_only": False})
            )


if __name__ == "__main__":
    entry.Engine = LeakyEngine  # type: ignore[misc]
    sys.exit(entry.main(*sys.argv[1:]))

"""The paper venue as a stand: a process of its own, whose rows and misbehaviour come by `--control`."""

import json
import signal
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.venues.stand import MISBEHAVIOUR, Stand, Truth
from tests.venues.trader import PACKET_BYTES, PATIENCE_S

ROOT = Path(__file__).parents[2]
QUOTES = "timestamp_ms,bid,bid_qty,ask,ask_qty\n1704067200000,99.9,5,100.1,5\n"


class PaperStand(Stand):
    """A paper venue that plays no row but what `quote` says, and enforces every rule it names."""

    name = "paper"
    price, tick, lot, qty = Decimal(100), Decimal("0.1"), Decimal("0.001"), Decimal(1)
    deadman_ms = 600
    misbehaves = frozenset(MISBEHAVIOUR) - {"throttled"}
    more: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "quotes.csv").write_text(QUOTES)
        self.record = folder / "record.jsonl"
        command = [sys.executable, "-m", "host.paper", "--listen", str(self.socket),
                   "--record", str(self.record), "--data", str(folder / "quotes.csv"),
                   "--control", str(folder / "control"), "--rows-per-s", "0",
                   "--qty-step", str(self.lot), "--strict",
                   "--min-notional", "5", "--band", "0.5", "--max-qty", "1000", *self.more]  # fmt: skip
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE_S)
        self._control.connect(str(folder / "control"))

    def order(self, **order: Any) -> dict[str, Any]:
        """Give the venue one order of the test's, and return what it says."""
        self._control.send(json.dumps(order, default=str).encode())
        answer: dict[str, Any] = json.loads(self._control.recv(PACKET_BYTES))
        assert answer["ev"] == "done", answer
        return answer

    def quote(self, bid: Decimal, ask: Decimal, size: Decimal) -> None:
        """Play one row."""
        self.order(op="quote", bid=bid, ask=ask, bid_qty=size, ask_qty=size)

    def misbehave(self, what: str) -> None:
        """Tell the venue."""
        self.order(op="misbehave", what=what)

    def behave(self) -> None:
        """Tell the venue."""
        self.order(op="behave")

    def truth(self) -> Truth:
        """Ask on a connection that is told nothing wrong, and read the record."""
        auditor = self.join()
        orders = {name: Decimal(o["left"]) for name, o in auditor.open_orders().items()}
        lines = [json.loads(line) for line in self.record.read_bytes().splitlines()]
        trades = [line["id"] for line in lines if line["kind"] == "fill"]
        return Truth(orders, auditor.position(), trades)

    def take_down(self) -> None:
        """End the process: it must not have ended by itself."""
        self._control.close()
        assert self.process.poll() is None, self.process.communicate()
        self.process.send_signal(signal.SIGTERM)
        _out, complaint = self.process.communicate(timeout=PATIENCE_S)
        assert (self.process.returncode, complaint) == (0, "")

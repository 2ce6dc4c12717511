"""A bench that is up, as the scenarios need it: known start, edges, orders, audit records."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from controller import reasons, wiring
from rig import bench
from rig.session import Session

# s. In which the host would have sent many orders: the venue plays ROWS_PER_S rows.
QUIET_S, ROWS_PER_S = 0.5, 200.0
EDGE_S, OPEN_S = 3.0, 0.1
LAMPS = ("LED_RED", "LED_YELLOW", "LED_GREEN")
# What parts when the common ground breaks: each board reads its own pulls on every line.
GROUND = ("HALT", "ACK", *LAMPS, "SERIAL")

# pytest's record_property: measurements end up in the JUnit file.
Record = Callable[[str, object], None]


class Bench:
    """One bench for many tests; `home` brings it back to armed and trading."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.parts: bench.Bench = session.bench
        self.wires = session.wires
        self.require = False
        self._hurt: dict[str, str] = {}

    def home(self) -> None:
        """Mend, power, close and re-arm everything. Raises BenchError when that does not help."""
        for wire in sorted(self._hurt):
            self.mend(wire)
        self.parts.revive()
        # After a DISCREPANCY both contacts must be seen open together once.
        self.open_contacts()
        time.sleep(OPEN_S)
        self.session.rearm()

    def cut(self, wire: str) -> int:
        """Cut a wire until the end of the test; return the time, ns."""
        self._hurt[wire] = "cut"
        return self.wires.cut(wire)

    def short(self, wire: str, level: int) -> int:
        """Hold a wire at a level until the end of the test; return the time, ns."""
        self._hurt[wire] = "short"
        return self.wires.short(wire, level)

    def mend(self, wire: str) -> None:
        """Join a wire. Whoever reads a line that was held keeps that level, so it is told again."""
        self.wires.mend(wire)
        if self._hurt.pop(wire, None) == "short":
            level = self.wires.levels()[wire]
            self.wires.stimulate([(0, wire, 1 - level), (0, wire, level)])

    def press(self) -> int:
        """Press and wait for ACK; return the time from which its edges count, ns."""
        begun_ns = self.wires.mark()
        self.session.press()
        return begun_ns

    def open_contacts(self) -> int:
        """Open both contacts at once and leave them open; return the time, ns."""
        return self.wires.stimulate([(0, "SWITCH_A", 1), (0, "SWITCH_B", 1)])

    def close_contacts(self) -> None:
        """Close both contacts."""
        self.wires.stimulate([(0, "SWITCH_A", 0), (0, "SWITCH_B", 0)])

    def edges(self, line: str, level: int, since_ns: int) -> list[int]:
        """Return the times of the edges of a line to `level` after `since_ns`."""
        wanted = wiring.INDEX[line]
        return [
            at_ns
            for at_ns, number, to in self.wires.fetch_edges()
            if number == wanted and to == level and at_ns > since_ns
        ]

    def wait_edge(self, line: str, level: int, since_ns: int, timeout_s: float = EDGE_S) -> int:
        """Return the first edge of a line to `level` after `since_ns`; without one the test fails."""
        self.wires.watch(line, level, timeout_s)
        for _look in looks(timeout_s):
            if found := self.edges(line, level, since_ns):
                return found[0]
        return pytest.fail(f"{line} did not go {'high' if level else 'low'} in {timeout_s:g} s")

    def wait_status(self, timeout_s: float = 5.0, **wanted: object) -> dict[str, Any]:
        """Return the host's status once all fields are as wanted; otherwise the test fails."""
        status: dict[str, Any] = {}
        for _look in looks(timeout_s):
            status = self.session.status() or {}
            if all(status.get(key) == value for key, value in wanted.items()):
                return status
        told = {key: status.get(key) for key in (*wanted, "mode", "reason", "controller")}
        return pytest.fail(f"the host did not come to {wanted}: {told}")

    def wait_fault(self, name: str, timeout_s: float = 3.0) -> None:
        """Wait for a fault in the controller's register; events tell only its 1st, 2nd, 4th ... time."""
        for _look in looks(timeout_s):
            told = (self.session.status() or {}).get("link", {}).get("status", {})
            if told.get("faults", 0) >> reasons.CODES[name] & 1:
                return
        pytest.fail(f"the controller did not register {name} within {timeout_s:g} s")

    def pid(self, name: str) -> int:
        """Return the process id of guard, engine, recorder or controller."""
        return self.parts.pid(name) or self.wait_status()[f"{name}_pid"]

    def signal(self, name: str, number: int) -> int:
        """Send a signal to one part; return the time, ns."""
        pid = self.pid(name)
        at_ns = self.wires.mark()
        self.parts.signal(pid, number)
        return at_ns

    def audit(self) -> list[dict[str, Any]]:
        """Return the records of the audit log so far, complete lines only."""
        files = sorted(self.parts.audit_dir().glob("*.jsonl"))
        lines = (line for file in files for line in file.read_bytes().split(b"\n")[:-1])
        return [msgspec.json.decode(line) for line in lines]

    def wait_audit(self, kind: str, since_ns: int, timeout_s: float = 3.0, **data: object) -> dict:
        """Return the first record of a kind after `since_ns` with this data; else the test fails."""
        for _look in looks(timeout_s):
            for record in self.audit():
                same = all(record["data"].get(key) == value for key, value in data.items())
                if record["kind"] == kind and record["mono_ns"] >= since_ns and same:
                    return record
        return pytest.fail(f"no {kind} {data or ''} in the audit log within {timeout_s:g} s")

    def halted(self, cause_ns: int, record: Record, closed: str = "ACK") -> int:
        """Assert that the cause closed the gate, and that nothing left afterwards; return when, ns.

        closed -- the line that says so: ACK rises, or HALT falls where nobody is left to say ACK
        """
        closed_ns = self.wait_edge(closed, int(closed == "ACK"), cause_ns)
        time.sleep(QUIET_S)
        late = [at_ns for at_ns in self.session.opening_ns() if at_ns > cause_ns]
        record(f"cause_to_{closed.lower()}_ms", round((closed_ns - cause_ns) / 1e6, 3))
        record("cause_to_last_order_ms", round((late[-1] - cause_ns) / 1e6, 3) if late else 0.0)
        assert [at_ns for at_ns in late if at_ns > closed_ns] == []
        assert not self.wires.levels()["HALT"]
        return closed_ns


def looks(timeout_s: float, period_s: float = 0.02) -> Iterator[None]:
    """Yield for one look after the other until the time is up; at least once."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        yield
        if time.monotonic() > deadline_s:
            return
        time.sleep(period_s)

"""After each test: what the bench counted while nobody looked."""

from typing import Any

from controller import reasons
from hil.kit import Bench


class Health:
    """Compares the counters at the end of a test with those at its begin."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._fouls = len(bench.parts.fouls())
        self._throttled = bench.parts.throttled()

    def complaints(self, expected: frozenset[str]) -> list[str]:
        """Return what is not as it should be; `expected` are the faults that the test provoked."""
        found = [f"bench: {foul}" for foul in self._bench.parts.fouls()[self._fouls :]]
        throttled = self._bench.parts.throttled()
        if throttled != self._throttled:
            found.append(f"the CPU was throttled: {self._throttled} -> {throttled}")
        status = self._bench.session.status()
        if status is None:
            if self._bench.parts.host_runs():
                found.append("the host runs, but does not answer")
            return found
        return found + host_complaints(status, expected)


def host_complaints(status: dict[str, Any], expected: frozenset[str]) -> list[str]:
    """Return what host and controller say about themselves that nobody expected."""
    found = []
    if status["reason"] == "LOST_EDGE":
        found.append("the host lost edges")
    if status["link"]["mismatch"]:
        found.append(f"the ends do not match: {status['link']['mismatch']}")
    bits = (status["link"]["status"] or {}).get("faults", 0)
    names = {name for code, name, _what in reasons.REASONS if bits >> code & 1}
    found += [f"controller fault {name}" for name in sorted(names - expected)]
    return found

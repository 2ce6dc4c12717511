"""Decision latency side by side: without enrichment, and with one that is well, floods, hangs, died.

    python -m tests.enrichment.in_the_way [ROUNDS]

All cases run in turns in one process and one run, so that what else the machine does falls on all alike.
A decision is the engine's own: a row of the feed through features, target, opinion, shadow and order.
Prints JSON. Exit code 1 when the read of the snapshot is above its limit, or a case's median is further
from that without enrichment than noise: NOISE_SHARE, or what one case differs between two halves of the
run. Where a loop around nothing that takes as long as the reads is interrupted as well, the verdict on
the read is "too noisy", which is no pass either.
"""

import contextlib
import gc
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

from host.enrich import snapshot
from host.enrich.opinion import Opinion
from host.enrich.snapshot import Snapshot
from host.perf.timing import empty_batches, percentile, python_batches, row
from tests.enrichment.test_engine import FLOOD, Desk, Engine, links

ROWS = 500
READ_LIMIT_NS = 200.0
# A case may differ by this share, or by as much as one case differs from itself.
NOISE_SHARE = 0.1
# A loop around nothing whose p99 is so many times its median was interrupted, not slow.
NOISY = 3
IDLE_STEP_NS = 7


@contextlib.contextmanager
def enricher(folder: Path) -> Iterator[subprocess.Popen]:
    """Run one that publishes as fast as it can."""
    command = [sys.executable, "-c", FLOOD, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def connected(folder: Path) -> Any:
    """Return opinions that read the enricher's page."""
    engine = Engine(folder)
    deadline = time.monotonic() + 20
    while "connected" not in links(engine) and time.monotonic() < deadline:
        engine.turn()
    assert "connected" in links(engine), "the enricher does not answer"
    return engine.opinions


class Case:
    """One trader, and what each of its decisions took."""

    def __init__(self, opinions: Any, folder: Path) -> None:
        self.taken_ns: list[int] = []
        self._desk = Desk(opinions, folder)
        self._row = 0

    def round(self) -> None:
        """Decide ROWS times on a price that moves; the books are emptied between, outside the clock."""
        clock = time.perf_counter_ns
        for at in range(ROWS):
            price = 100.0 + (at * 7 % 13) / 10
            self._row += 1
            event = {"row": self._row, "price": price}
            began_ns = clock()
            self._desk.trader.take_row(event)
            self.taken_ns.append(clock() - began_ns)
            self._desk.forget()


def measure(rounds: int) -> dict[str, Any]:
    """Run all cases in turns; return the table."""
    with contextlib.ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(4)]
        well, floods, hangs, died = (stack.enter_context(enricher(folder)) for folder in folders)
        opinions = [connected(folder) for folder in folders]
        for opinion in opinions:
            stack.callback(opinion.close)
        for process in (well, floods, hangs):
            process.send_signal(signal.SIGSTOP)
        died.kill()
        named = zip(("well", "floods", "hangs", "died"), opinions, folders, strict=True)
        cases = {"without": Case(None, folders[0])}
        cases |= {name: Case(opinion, folder) for name, opinion, folder in named}
        gc.collect()
        gc.disable()
        for _round in range(rounds):
            for name, case in cases.items():
                if name == "floods":
                    floods.send_signal(signal.SIGCONT)
                case.round()
                if name == "floods":
                    floods.send_signal(signal.SIGSTOP)
        gc.enable()
    table = {name: _figures(case.taken_ns) for name, case in cases.items()}
    reading = _read()
    return {"decision_us": table, "read": reading, "verdict": _verdict(table, reading)}


def _figures(taken_ns: list[int]) -> dict[str, float]:
    half = len(taken_ns) // 2
    ordered = sorted(taken_ns)
    shares = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}
    found = {name: round(percentile(ordered, share) / 1000, 2) for name, share in shares.items()}
    for name, part in (("p50_first_half", taken_ns[:half]), ("p50_second_half", taken_ns[half:])):
        found[name] = round(percentile(sorted(part), 0.5) / 1000, 2)
    return {"decisions": len(taken_ns), **found}


def _read() -> dict[str, Any]:
    """Time the read of one opinion, as the engine does it."""
    shown = Snapshot(["BTC", "PAPER"])
    shown.publish({"PAPER": Opinion(7, -1.0, 1.0, 60)}, 7)
    reader = snapshot.reader(shown.page, ["BTC", "PAPER"], "PAPER", 0.5, 300)
    taken, empty, idle = [], [], []
    for _part in range(50):
        taken += python_batches(reader.factor, (), 200)
        empty += empty_batches(200)
        idle += _idle(percentile(sorted(taken), 0.5), 200)
    assert reader.hits == reader.reads
    found = dict(row("snapshot read", taken, empty, READ_LIMIT_NS))
    found["idle_as_long"] = row("a loop around nothing that takes as long", idle)
    return found


def _idle(wanted_ns: float, batches: int) -> list[int]:
    """Time loops around nothing that take about as long as a batch of reads: the machine's own share."""
    taken, clock = [], time.monotonic_ns
    for _batch in range(batches):
        began_ns = clock()
        for _step in repeat(None, int(wanted_ns / IDLE_STEP_NS)):
            pass
        taken.append(clock() - began_ns)
    return taken


def _verdict(table: dict[str, dict[str, float]], reading: dict[str, Any]) -> str:
    without = table["without"]["p50"]
    itself = max(abs(c["p50_first_half"] - c["p50_second_half"]) for c in table.values())
    noise = max(itself, NOISE_SHARE * without)
    if not all(abs(case["p50"] - without) <= noise for case in table.values()):
        return "fail"
    if reading["pass"]:
        return "pass"
    idle = reading["idle_as_long"]
    return "too noisy" if idle["p99"] > NOISY * idle["p50"] else "fail"


if __name__ == "__main__":
    result = measure(*map(int, sys.argv[1:] or ["60"]))
    print(json.dumps(result, indent=1))
    sys.exit(result["verdict"] != "pass")

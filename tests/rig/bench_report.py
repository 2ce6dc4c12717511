"""`make bench-report`: files and page of a run of 10,000 presses, timed; exit 1 above the limit.

Two layouts of 10,000 presses each, with as many edges of the serial line as the reader of a capture
takes in. The captures are made beforehand and are not timed.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from rig.report import files
from rig.report.views import Run, run_of
from tests.rig import runs

PRESSES = 10_000
LIMIT_S = 10.0
SERIAL_EDGES = 400  # a press


def main() -> int:
    """Print each step and the sum."""
    captures = {
        name: runs.capture(runs.latencies(PRESSES, seed=seed), SERIAL_EDGES)
        for seed, name in enumerate(("one_core", "own_core"))
    }
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        made = [_run(name, capture) for name, capture in captures.items()]
        result = runs.result(*made)
        _say("presses found and judged", wall_s, cpu_s)
        files.write(out, result, made)
        _say("presses, views, plots, page, JUnit, result written", wall_s, cpu_s)
        took_s, used_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        size_kb = (out / "report.html").stat().st_size // 1024
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    edges = sum(times.size for each in captures.values() for times in each.edges.values())
    print(f"{2 * PRESSES:,} presses, {edges:,} edges; page {size_kb} kB, peak {memory_mb} MB")
    print(f"report: {took_s:.2f} s ({used_s:.2f} s of CPU), limit {LIMIT_S:g} s")
    return 0 if took_s <= LIMIT_S else 1


def _run(name: str, capture: runs.Capture) -> Run:
    presses = runs.find_presses(capture)
    return run_of(name, capture, presses, runs.closings_of(presses))


def _say(what: str, wall_s: float, cpu_s: float) -> None:
    wall, cpu = time.perf_counter() - wall_s, time.process_time() - cpu_s
    print(f"{wall:6.2f} s  {cpu:6.2f} s CPU  {what}")


if __name__ == "__main__":
    sys.exit(main())

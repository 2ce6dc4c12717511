"""Instructions of each operation of the core, counted by valgrind: the same on a busy machine.

    python -m tools.callgrind [--json] [--baseline FILE]

One run under `valgrind --tool=callgrind` goes through the loops of host.hotpath.corebench; each loop's
inclusive count is divided by its calls, less the empty loop. With --baseline (an earlier --json) it ends
with 1 when an operation takes more than 2 % and more than 1 instruction beyond what it took; with 2 on
wrong use or without valgrind.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CALLS = 64
BATCHES = 200
MORE_SHARE, MORE_INSTRUCTIONS = 0.02, 1.0
# loop of corebench: what it is
LOOPS = {
    "empty": "empty loop",
    "pool_pairs": "pool acquire + release",
    "decisions": "decision",
    "operations": "internal operation",
    "seqlock_reads": "forecast read",
    "seqlock_writes": "forecast write",
    "queue_pairs": "queue push + pop, 32 bytes",
}
COST = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\).*__pyx_pw_\w*corebench_\d*(\w+?)(?: \[|$)")


def work() -> None:
    """Run under valgrind: every loop once."""
    from host.hotpath.decision import Decision
    from host.hotpath.seqlock import Seqlock
    from host.hotpath.words import Words

    from host import layout, pools, queues
    from host.decisions import Thresholds
    from host.hotpath import corebench

    _fd, pool = pools.create(pools.ORDER, 1024)
    _fd, queue = queues.create(1024, 32, shared=False)
    decision = Decision(Thresholds(0.2, 0.05, 0.3, 0.1))
    seqlock = Seqlock(Words(bytearray(4096), True), 8, len(layout.FORECAST_FIELDS))
    seqlock.publish((0.01, 0.02, 0.5), 1)
    corebench.empty(BATCHES)
    corebench.pool_pairs(pool, BATCHES)
    corebench.decisions(decision, BATCHES)
    corebench.operations(pool, decision, seqlock, 1, BATCHES)
    corebench.seqlock_reads(seqlock, 1, BATCHES)
    corebench.seqlock_writes(seqlock, 1, BATCHES)
    corebench.queue_pairs(queue, BATCHES)


def count() -> dict[str, float]:
    """Return {operation: instructions}. Raises RuntimeError with what valgrind said."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable]
        environment = os.environ | {"PYTHONHASHSEED": "0"}
        run([*command, "-m", "tools.callgrind", "--work"], environment)
        listed = run(
            ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)], environment
        )
    costs: dict[str, float] = {}
    for line in listed.splitlines():
        found = COST.match(line)
        if found and found[2] in LOOPS:
            each = int(found[1].replace(",", "")) / (CALLS * BATCHES)
            costs[found[2]] = max(each, costs.get(found[2], 0.0))  # a line for each source file
    if costs.keys() != LOOPS.keys():
        raise RuntimeError(f"valgrind did not see {sorted(LOOPS.keys() - costs.keys())}")
    empty = costs["empty"]
    return {
        what: round(costs[name] - (empty if name != "empty" else 0), 2)
        for name, what in LOOPS.items()
    }


def run(command: list[str], environment: dict[str, str]) -> str:
    """Run one program, return what it printed."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {said[-1]}")
    return done.stdout


def more(now: dict[str, float], before: dict[str, float]) -> list[str]:
    """Return one line for each operation that takes more instructions than before, or is gone."""
    lines = []
    for what, was in before.items():
        if what not in now:
            lines.append(f"{what}: not counted any more")
        elif now[what] - was > max(MORE_INSTRUCTIONS, MORE_SHARE * was):
            lines.append(f"{what}: {was} instructions before, {now[what]} now")
    return lines


def read(file: Path) -> dict[str, float]:
    """Read an earlier --json. Raises ValueError when it is none, OSError when it cannot be read."""
    try:
        found = json.loads(file.read_bytes())["instructions"]
        return {str(what): float(value) for what, value in found.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError("it is not what --json prints") from None


def main(arguments: list[str] | None = None) -> int:
    """Count and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="tools.callgrind", description="count instructions")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.work:
        work()
        return 0
    if shutil.which("valgrind") is None:
        print("callgrind: valgrind is not installed (Debian: valgrind)", file=sys.stderr)
        return 2
    try:
        before = read(asked.baseline) if asked.baseline else {}
        now = count()
    except OSError as error:
        print(f"callgrind: {asked.baseline}: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"callgrind: {asked.baseline}: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"callgrind: {error}", file=sys.stderr)
        return 1
    worse = more(now, before)
    if asked.json:
        print(json.dumps({"instructions": now, "more": worse}))
    else:
        print("\n".join(f"{what:32}{value:9.2f} instructions" for what, value in now.items()))
        for line in worse:
            print(f"more: {line}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())

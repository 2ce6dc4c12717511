"""glibc's malloc beside mimalloc's: a burst of 10,000 blocks of mixed sizes, freed in another order.

Each runs in a process of its own, mimalloc by LD_PRELOAD. Bursts of 64 are shown as well: glibc keeps
seven blocks of each size at hand for each thread, so what is small enough never shows its real cost.

    python -m host.perf.allocator BATCHES     one measurement, with the allocator that is loaded: JSON
"""

import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

from host.allocator import library
from host.hotpath.allocbench import mixed
from host.perf.judging import Missing, call_ns, judge
from host.perf.timing import Row

BATCHES = 200
BURST, SMALL_BURST = 10_000, 64
LEAST_BYTES, MOST_BYTES = 16, 1024
# Blueprint: ns a call, and how many times faster than glibc.
CALL_NS, TIMES = 10.0, 5.0
PATIENCE_S = 120.0


def rows(batches: int = BATCHES) -> list[Row]:
    """Measure both. Raises Missing without mimalloc, RuntimeError when a process fails."""
    found = library()
    if found is None:
        raise Missing("libmimalloc is not installed (Debian: libmimalloc2.0)")
    # In turns: what else the machine does meets both.
    glibc: dict[str, list[float]] = {}
    mimalloc: dict[str, list[float]] = {}
    for _turn in range(2):
        for into, preload in ((glibc, ""), (mimalloc, str(found))):
            for burst, values in measure(batches // 2, preload).items():
                into.setdefault(burst, []).extend(values)
    ratios = [g / m for g, m in zip(sorted(glibc["burst"]), sorted(mimalloc["burst"]), strict=True)]
    return [
        judge("allocation, mimalloc", mimalloc["burst"], "ns", CALL_NS, "p50"),
        judge("allocation, glibc", glibc["burst"]),
        judge("allocation, glibc / mimalloc", ratios, "x", TIMES, "p50", at_least=True),
        judge("allocation in bursts of 64, mimalloc", mimalloc["small"]),
        judge("allocation in bursts of 64, glibc", glibc["small"]),
    ]


def measure(batches: int, preload: str) -> dict[str, list[float]]:
    """Run one measurement under an allocator; return ns a call of each batch."""
    environment = os.environ | {"LD_PRELOAD": preload}
    command = [sys.executable, "-m", "host.perf.allocator", str(batches)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, check=True, timeout=PATIENCE_S
        )
        answer = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise RuntimeError(f"the allocator could not be measured: {error}") from None
    if answer.pop("preloaded") != bool(preload):
        raise RuntimeError(f"{preload or 'libmimalloc'} is not what LD_PRELOAD said")
    return answer


def main(arguments: list[str]) -> int:
    """Measure with the allocator that is loaded, print JSON."""
    if len(arguments) != 1 or not arguments[0].isdigit() or int(arguments[0]) == 0:
        print("usage: python -m host.perf.allocator BATCHES", file=sys.stderr)
        return 2
    batches = int(arguments[0])
    maps = Path("/proc/self/maps").read_text()
    answer: dict[str, object] = {"preloaded": "libmimalloc" in maps}
    rng = random.Random(1)
    for name, count in (("burst", BURST), ("small", SMALL_BURST)):
        low, high = math.log(LEAST_BYTES), math.log(MOST_BYTES)
        sizes = [int(math.exp(rng.uniform(low, high))) for _ in range(count)]
        order = rng.sample(range(count), count)
        mixed(sizes, order, 3)  # warm
        answer[name] = call_ns(mixed(sizes, order, batches), (), 2 * count)
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a pass costs on the Pico, in emulated time, and what the firmware takes of its memory."""

import bisect
import re
import sys

from tests.emulated.kit import COLLECTS, GO, MS, SPARE, Box, firmware, needs_emulator
from tests.emulated.plants import HEAP, PASSES, planted

pytestmark = needs_emulator

PROFILE = "production"
WORK_MS, PASS_MS = 8, 10
SIZE_BYTES, HEAP_BYTES = 64 * 1024, 60 * 1024
SECONDS = 6


def pulses(box: Box, pin: int, since: int) -> list[tuple[int, int]]:
    """Return (began, took) in ns of each time that a pin was high."""
    marks = [(t, level) for number, level, t in box.edges[since:] if number == pin]
    if marks and marks[0][1] == 0:
        marks.pop(0)
    return [(up[0], down[0] - up[0]) for up, down in zip(marks[::2], marks[1::2], strict=False)]


def per_period(found: list[tuple[int, int]], asked: list[int]) -> list[float]:
    """Return the sum of the pulses that begin between two challenges, in ms, in order of size."""
    sums = [0] * (len(asked) + 1)
    for at_ns, took_ns in found:
        sums[bisect.bisect(asked, at_ns)] += took_ns
    return sorted(value / MS for value in sums[1:-1])


def row(name: str, values: list[float]) -> str:
    """Return one line of figures; values in ms, in order of size."""
    n = len(values)
    p50, p99, p999 = (values[n * permille // 1000] for permille in (500, 990, 999))
    ranks = f"p50 {p50:.2f}, p99 {p99:.2f}, p99.9 {p999:.2f}, max {values[-1]:.2f}"
    return f"{name}: n {n}, {ranks}, mean {sum(values) / n:.2f} ms"


def test_a_pass_and_the_work_of_a_period_fit_the_budget() -> None:
    box = Box(PROFILE, planted(PROFILE, PASSES))
    box.arm()
    box.run_ms(100)
    box.vouch(SECONDS)
    before = len(box.edges)
    asked: list[int] = []
    box.host.on_challenge = asked.append
    box.run_ms(SECONDS * 1000)
    passes, collections = pulses(box, SPARE, before), pulses(box, COLLECTS, before)
    # A collection lies inside of a pass: what is left is work.
    work = per_period([*passes, *((at_ns, -took_ns) for at_ns, took_ns in collections)], asked)
    took = sorted(took_ns / MS for _at, took_ns in passes)
    print(row("pass, collection included", took), file=sys.stderr)
    print(row("collection", sorted(t / MS for _at, t in collections)), file=sys.stderr)
    print(row("work per challenge", work), file=sys.stderr)
    print(row("work and collections per challenge", per_period(passes, asked)), file=sys.stderr)
    assert box.halt_high()
    assert took[-1] <= PASS_MS
    assert sum(work) / len(work) <= WORK_MS
    receipts = [name for _t, name, _fields in box.host.messages if name == "RECEIPT"]
    assert len(receipts) == SECONDS


def test_files_and_heap_fit_the_budget() -> None:
    size = sum(len(content) for content in firmware(PROFILE).values())
    box = Box(PROFILE, planted(PROFILE, HEAP))
    heard = bytearray()
    box.pico.on_uart(lambda data, _t_ns: heard.extend(data))
    box.arm()
    box.run_ms(SECONDS * 1000)
    box.pico.set_pin(GO, 1)
    box.run_ms(100)
    found = re.search(rb"HEAP (\d+) (\d+)", heard)
    assert found is not None
    peak, live = int(found[1]), int(found[2])
    print(f"files {size} bytes; heap {live} live, {peak} before a collection", file=sys.stderr)
    assert size <= SIZE_BYTES
    assert live <= HEAP_BYTES

"""Each word of each shared page spoilt in the running host: who reads it must fail closed.

The word is written into the owner's own mapping (/proc/PID/mem), as a fault of memory would. Here a few
of the cases, drawn by a seed; BOT4_WORDS=all takes every one (`make faults`).
"""

import os
import random
import time
from collections.abc import Iterator

import pytest

from host import layout, modes
from host.modes import Reason, TradingMode
from rig.processes import BenchError
from tests.integration.evidence import Witnessed, witnessed
from tests.safety.pages import Watch, spoil

FUTURE_NS = 3_600_000_000_000
MOST = 2**64 - 1
SLOT = layout.RING_FIRST_WORD
HEADER = [
    (f"{name}.{word}", name, index, 0xDEAD)
    for name in ("guard", "engine", "recorder")
    for word, index in (("magic", 0), ("version", 1), ("kind", 2), ("pid", 3))
]
NORMAL = modes.pack(TradingMode.NORMAL, Reason.CONDITIONS_HELD, 99)
# name of the case, whose page, word, value (or nanoseconds from now)
CASES = [
    *HEADER,
    ("guard.mode garbage", "guard", layout.GUARD_MODE, 0xDEAD_BEEF_DEAD_BEEF),
    ("guard.mode above EMERGENCY", "guard", layout.GUARD_MODE, 4),
    ("guard.mode reserved bits", "guard", layout.GUARD_MODE, NORMAL | 1 << 16),
    ("guard.lease past", "guard", layout.GUARD_LEASE_NS, 0),
    ("guard.token", "guard", layout.GUARD_LADDER_TOKEN, 0xDEAD),
    ("engine.slot", "engine", layout.ENGINE_SLOT, 0xDEAD),
    ("engine.heartbeat future", "engine", layout.ENGINE_HEARTBEAT_NS, MOST),
    ("engine.heartbeat past", "engine", layout.ENGINE_HEARTBEAT_NS, 0),
    ("engine.sent", "engine", layout.ENGINE_SENT, MOST),
    ("engine.refused", "engine", layout.ENGINE_REFUSED, MOST),
    ("engine.condition", "engine", layout.ENGINE_CONDITION, 0xDEAD),
    ("recorder.heartbeat future", "recorder", layout.RECORDER_HEARTBEAT_NS, MOST),
    ("recorder.failing", "recorder", layout.RECORDER_FAILING, 0xDEAD),
    ("recorder.guard_seq", "recorder", layout.RECORDER_GUARD_SEQ, MOST),
    ("recorder.engine_seq", "recorder", layout.RECORDER_ENGINES, MOST),
    ("recorder.engine_pid", "recorder", layout.RECORDER_ENGINES + 1, MOST),
    ("recorder.records", "recorder", layout.RECORDER_RECORDS, MOST),
    *[
        (f"{name}.ring {what}", name, index, value)
        for name in ("guard", "engine")
        for what, index, value in (
            ("head far ahead", layout.RING_HEAD, 2**63),
            ("head back", layout.RING_HEAD, 0),
            ("slot number", SLOT, MOST),
            ("slot length", SLOT + 1, MOST),
            ("slot bytes", SLOT + 2, 0xFFFF_FFFF_FFFF_FFFF),
        )
    ],
]
# Cases in which the spoilt word alone must have closed the gate; elsewhere trading may go on.
CLOSES = {
    "guard.mode garbage", "guard.mode above EMERGENCY", "guard.mode reserved bits",
    "engine.condition",
}  # fmt: skip
WORDS = os.environ.get("BOT4_WORDS", "3")
CHOSEN = CASES if WORDS == "all" else random.Random(4).sample(CASES, int(WORDS))
SETTLE_S = 0.6


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witnessed]:
    """One host for all cases; what is certain after all of them is judged at the end."""
    with witnessed(tmp_path_factory.mktemp("memory"), repeat=True) as kit:
        yield kit
        found = kit.judge()
        print(f"\n  memory: {found}")
        assert (found.after_ack, found.left_by_itself, found.unverified) == (0, 0, "")


@pytest.mark.parametrize(("case", "name", "word", "value"), CHOSEN, ids=[c[0] for c in CHOSEN])
def test_a_spoilt_word_never_opens_the_gate(
    bench: Witnessed, case: str, name: str, word: int, value: int, capsys: pytest.CaptureFixture
) -> None:
    try:
        spoil(bench.pid(name), name, word, value)
    except PermissionError as error:
        pytest.skip(f"another process's memory: {error.strerror}")
    spoilt_ns = time.monotonic_ns()
    time.sleep(SETTLE_S)
    status = bench.wait_status(timeout_s=0.0)
    late = bench.orders_after(spoilt_ns + 300_000_000)
    with capsys.disabled():
        said = f"{status.get('mode', '-')} {status.get('reason', '-')}"
        print(f"\n  {case:28} {said}, {len(late)} orders later than 300 ms", end="")
    if case in CLOSES:
        assert late == []
    bench.press()
    pressed_ns = time.monotonic_ns()
    spoil(bench.pid(name), name, word, value)  # and once more while the gate is closed
    time.sleep(SETTLE_S)
    assert bench.orders_after(pressed_ns) == []
    assert bench.wait_status(mode="EMERGENCY", timeout_s=10.0)["mode"] == "EMERGENCY"
    go_on(bench)


def go_on(bench: Witnessed) -> None:
    """Re-arm; where the host will not, a person starts it anew."""
    if bench.bench.processes["host"].poll() is None:
        try:
            bench.rearm()
            return
        except BenchError as error:
            print(error)
    bench.bench.end("host")
    bench.bench.start_host()
    bench.rearm()


def test_normal_written_into_the_mode_word_after_a_press_lets_nothing_out(
    bench: Witnessed, capsys: pytest.CaptureFixture
) -> None:
    """The strongest case, root's own: the level of HALT and the checks beside it still hold."""
    bench.press()
    pressed_ns = time.monotonic_ns()
    guard = bench.pid("guard")
    watch = Watch(guard, "guard")
    for _ in range(50):
        spoil(guard, "guard", layout.GUARD_MODE, NORMAL)
        time.sleep(0.01)
    word = modes.unpack(watch.words.load(layout.GUARD_MODE))[0]
    late = bench.orders_after(pressed_ns)
    with capsys.disabled():
        print(f"\n  NORMAL written 50 times after a press: word {word.name}, {len(late)} orders")
    assert late == []
    go_on(bench)

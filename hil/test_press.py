"""The press itself: how fast, idle and under load, and what is seen of it afterwards."""

import contextlib
from collections.abc import Iterator

import numpy as np
import pytest

from hil.kit import Bench, Record
from rig import latency
from rig.latency import Probe

pytestmark = pytest.mark.needs("edge-clock")

PRESSES = 10


def test_press_closes_the_gate(bench: Bench, record_property: Record) -> None:
    bench.halted(bench.press(), record_property)


@pytest.mark.needs("true-latency")
def test_halt_latency_idle(bench: Bench, record_property: Record) -> None:
    measure(bench, record_property)


@pytest.mark.needs("true-latency", "loads")
@pytest.mark.parametrize("load", ["cpu", "gil", "disk", "memory", "network"])
def test_halt_latency_loaded(bench: Bench, load: str, record_property: Record) -> None:
    with loaded(bench, load):
        measure(bench, record_property)


def measure(bench: Bench, record: Record) -> None:
    """Press again and again beside a probe, and judge as `bot4 bench measure` does."""
    begun_ns = bench.wires.mark()
    file = bench.parts.start_probe("probe")
    for number in range(PRESSES):
        if number:
            bench.session.rearm()
        bench.press()
    seen = bench.parts.capture()
    bench.parts.end("probe")
    samples = np.fromfile(file, dtype=np.int64).reshape(-1, 2)
    presses = latency.find_presses(seen.window(begun_ns, seen.end_ns))
    closed_ns = presses[-1].t_ack_ns or 0
    late = [at_ns for at_ns in bench.session.opening_ns() if at_ns > closed_ns]
    differ = bench.parts.clocks_differ()
    judged = latency.judge(
        presses,
        Probe(samples[:, 0], samples[:, 1] / 1000),
        asked=PRESSES,
        bench=seen.bench,
        orders_after_ack=None if differ else len(late),
        audit_verified=True,  # `bot4 audit verify` is the subject of test_audit
        limit_us=bench.parts.setup.limit_us,
    )
    for stage, samples_us in latency.samples_us(presses).items():
        for name, value in latency.stats(samples_us).items():
            record(f"{stage}_{name}" + ("" if name == "n" else "_us"), value)
    record("noise_floor_max_us", round(float(samples[:, 1].max()) / 1000, 1))
    record("verdict", judged.verdict)
    assert judged.verdict != latency.FAIL, "; ".join(judged.reasons)
    if judged.verdict == latency.TOO_NOISY:  # never a pass
        why = f"too noisy: {'; '.join(judged.reasons)}"
        (pytest.fail if bench.require else pytest.skip)(why)


@contextlib.contextmanager
def loaded(bench: Bench, load: str) -> Iterator[None]:
    """Run a load generator beside the host."""
    bench.parts.start_load(load)
    try:
        yield
    finally:
        bench.parts.end(f"load-{load}")

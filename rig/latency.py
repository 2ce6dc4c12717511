"""From edges to a verdict: presses, their stages, and who is to blame for a slow one.

A slow press is laid on the machine only when the noise-floor probe (a thread of the same priority
on the same CPU) was itself late by at least the excess, within 5 ms of that press. On the physical
bench nothing is excused. Whatever cannot be known fails.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig.capture.model import Capture

LIMIT_US = 1000.0  # switch -> ACK (architecture.md, "Latency budget")
ATTRIBUTION_NS = 5_000_000  # how far from a press a late probe still explains it
STAGES = ("switch_to_halt", "halt_to_ack", "switch_to_ack")
PASS, TOO_NOISY, FAIL = "pass", "too_noisy", "fail"  # from good to bad
_REASONS_SHOWN = 10  # a dead line misses every press; `misses` still lists them all
PERMILLE = {"p50": 500, "p99": 990, "p999": 999, "max": 1000}


@dataclass(frozen=True, slots=True)
class Press:
    """One press: when the switch opened, HALT fell and ACK rose, in ns; None = never seen."""

    t_switch_ns: int
    t_halt_ns: int | None
    t_ack_ns: int | None

    @property
    def switch_to_halt_us(self) -> float | None:
        """Switch open -> HALT low, in us."""
        return _us(self.t_switch_ns, self.t_halt_ns)

    @property
    def halt_to_ack_us(self) -> float | None:
        """HALT low -> ACK high, in us."""
        return _us(self.t_halt_ns, self.t_ack_ns)

    @property
    def switch_to_ack_us(self) -> float | None:
        """Switch open -> ACK high, in us: the number that the limit is about."""
        return _us(self.t_switch_ns, self.t_ack_ns)

    @property
    def complete(self) -> bool:
        """True when no edge is missing."""
        return self.t_halt_ns is not None and self.t_ack_ns is not None


def _us(start_ns: int | None, end_ns: int | None) -> float | None:
    return None if start_ns is None or end_ns is None else (end_ns - start_ns) / 1000


class Probe(NamedTuple):
    """Noise-floor samples: when (CLOCK_MONOTONIC ns) and how late (us), both of shape (n,)."""

    time_ns: NDArray[np.int64]
    lateness_us: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Miss:
    """A press that broke the limit. `kind`: "missing", "unexplained" or "machine".

    `probe_us` is the probe's largest lateness near it; None when there was none to be had.
    """

    press: int
    kind: str
    latency_us: float | None
    probe_us: float | None

    def as_dict(self) -> dict[str, Any]:
        """The entry of the result's `misses` list."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict (PASS, TOO_NOISY or FAIL), why in plain words, and the presses over the limit."""

    verdict: str
    reasons: list[str]
    misses: list[Miss]


def find_presses(
    capture: Capture,
    *,
    switches: Sequence[str] = ("SWITCH_A", "SWITCH_B"),
    halt: str = "HALT",
    ack: str = "ACK",
) -> list[Press]:
    """All presses in order of time.

    A press is the first rising edge of a contact (normally closed to ground: high = open) while
    HALT is high. HALT may fall in the same sample. All until HALT is high again, bouncing
    included, is the same press; so a HALT that never falls leaves one press to the end.
    """
    opens = np.sort(np.concatenate([capture.rising(line) for line in switches]))
    halt_falls, halt_rises = capture.falling(halt), capture.rising(halt)
    ack_rises = capture.rising(ack)
    presses: list[Press] = []
    next_arm_ns: int | None = capture.start_ns
    for t_switch in opens.tolist():
        if next_arm_ns is None:
            break
        if t_switch < next_arm_ns or not capture.level_before(halt, t_switch):
            continue
        t_halt = _first(halt_falls, t_switch)
        next_arm_ns = None if t_halt is None else _first(halt_rises, t_halt)
        t_ack = _first(ack_rises, t_switch if t_halt is None else t_halt)
        if t_ack is not None and next_arm_ns is not None and t_ack >= next_arm_ns:
            t_ack = None  # that one belongs to a later press
        presses.append(Press(t_switch, t_halt, t_ack))
    return presses


def _first(times: NDArray[np.int64], from_ns: int) -> int | None:
    index = int(np.searchsorted(times, from_ns, side="left"))
    return int(times[index]) if index < times.size else None


def samples_us(presses: Iterable[Press]) -> dict[str, NDArray[np.float64]]:
    """Measured values of each stage in us; missing ones are absent here and fail in `judge`."""
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for press in presses:
        for stage in STAGES:
            value = getattr(press, f"{stage}_us")
            if value is not None:
                stages[stage].append(value)
    return {stage: np.array(values, dtype=np.float64) for stage, values in stages.items()}


def stats(samples: Iterable[float]) -> dict[str, float | int | None]:
    """{"p50", "p99", "p999", "max", "n"} of `samples`, any unit, by nearest rank.

    Nearest rank: the smallest sample that at least p of all samples do not exceed, so each number
    was really measured. With no sample, or with one that is not finite, nothing is known: all
    None and n = 0.
    """
    values = np.sort(np.asarray(list(samples), dtype=np.float64))
    n = int(values.size)
    if n == 0 or not np.isfinite(values).all():
        return {**dict.fromkeys(PERMILLE), "n": 0}
    ranks = {name: -(-permille * n // 1000) for name, permille in PERMILLE.items()}
    return {**{name: float(values[rank - 1]) for name, rank in ranks.items()}, "n": n}


def judge(
    presses: Sequence[Press],
    probe: Probe,
    *,
    asked: int,
    bench: str,
    orders_after_ack: int | None,
    audit_verified: bool | None,
    limit_us: float = LIMIT_US,
) -> Judgement:
    """Judge one run of `asked` presses. None for a check that could not run, which fails.

    FAIL for any missing or unexplained press, too few or too many presses, a NaN, a leaked order, an
    unverified audit log, or a blind probe; TOO_NOISY when the machine explains it all; else PASS.
    """
    misses = _misses(presses, probe, limit_us, excusable=bench != "physical")
    reasons = _press_reasons(misses, limit_us)
    if not presses or len(presses) != asked:
        reasons.append(f"{len(presses)} presses seen, {asked} asked for")
    if not math.isfinite(limit_us):
        reasons.append("the limit is not a number")
    if not _probe_readable(probe):
        reasons.append("the noise-floor probe has no readable samples")
    if orders_after_ack is None:
        reasons.append("whether orders left after ACK could not be checked")
    elif orders_after_ack != 0:
        reasons.append(f"{orders_after_ack} orders left after ACK")
    if audit_verified is not True:
        reasons.append("the audit log is not verified")
    if reasons:
        return Judgement(FAIL, reasons, misses)
    if misses:
        why = f"{len(misses)} presses over {limit_us:g} us, each explained by a late machine"
        return Judgement(TOO_NOISY, [why], misses)
    return Judgement(PASS, [], [])


def worst(verdicts: Iterable[str]) -> str:
    """The worst of several verdicts; FAIL for none at all and for a word that is no verdict."""
    order = (PASS, TOO_NOISY, FAIL)
    ranks = [order.index(v) if v in order else order.index(FAIL) for v in verdicts]
    return order[max(ranks)] if ranks else FAIL


def _probe_readable(probe: Probe) -> bool:
    times, late = np.asarray(probe.time_ns), np.asarray(probe.lateness_us)
    return times.size > 0 and times.shape == late.shape and bool(np.isfinite(late).all())


def _misses(
    presses: Sequence[Press], probe: Probe, limit_us: float, *, excusable: bool
) -> list[Miss]:
    found = []
    readable = _probe_readable(probe)
    for number, press in enumerate(presses):
        latency = press.switch_to_ack_us
        if latency is None or not press.complete:
            found.append(Miss(number, "missing", latency, None))
        elif not (_in_order(press) and latency <= limit_us):  # so that a NaN anywhere is a miss
            late = _lateness_near(press, probe) if readable else None
            explained = late is not None and late >= latency - limit_us
            kind = "machine" if excusable and _in_order(press) and explained else "unexplained"
            found.append(Miss(number, kind, latency, late))
    return found


def _in_order(press: Press) -> bool:
    """Switch, HALT, ACK one after the other; False also for a NaN."""
    stages = (getattr(press, f"{stage}_us") for stage in STAGES)
    return all(value is not None and value >= 0 for value in stages)


def _lateness_near(press: Press, probe: Probe) -> float | None:
    """The probe's largest lateness (us) from 5 ms before the press to 5 ms after its ACK."""
    end_ns = press.t_switch_ns if press.t_ack_ns is None else press.t_ack_ns
    times = np.asarray(probe.time_ns)
    near = (times >= press.t_switch_ns - ATTRIBUTION_NS) & (times <= end_ns + ATTRIBUTION_NS)
    return float(np.asarray(probe.lateness_us)[near].max()) if near.any() else None


def _press_reasons(misses: Sequence[Miss], limit_us: float) -> list[str]:
    reasons = []
    for miss in misses:
        if miss.kind == "missing":
            reasons.append(f"press {miss.press + 1}: HALT or ACK never came")
        elif miss.kind == "unexplained":
            took = f"press {miss.press + 1} took {miss.latency_us:.1f} us, limit {limit_us:g} us"
            reasons.append(f"{took}; nothing excuses it")
    return shortened(reasons)


def shortened(reasons: list[str]) -> list[str]:
    """The first reasons about presses, and how many more there are."""
    more = len(reasons) - _REASONS_SHOWN
    return [*reasons[:_REASONS_SHOWN], f"{more} more such presses"] if more > 0 else reasons

"""Words and numbers of a result, the same on the page and in the terminal.

A result is the plain dict that `bot4 demo --json` prints. Any number in it may be None or absent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from rig.latency import PERMILLE

NOT_MEASURED = "not measured"
UNKNOWN = "unknown"
STATS = {"p50": "p50", "p99": "p99", "p999": "p99.9", "max": "max"}
STAGES = {
    "switch_to_ack": "switch → ACK",
    "switch_to_halt": "switch → HALT",
    "halt_to_ack": "HALT → ACK",
}
# The guard's own stamps part HALT -> ACK, where its clock is that of the capture.
GUARD_STAGES = {
    "halt_to_seen": "HALT → seen by guard",
    "seen_to_ack": "seen → gate closed, ACK",
}
STRETCHES = {
    "count": "stretches",
    "over_100_us": "above 100 us",
    "worst_us": "longest, CPU (us)",
    "worst_wall_us": "longest, wall (us)",
}
LAYOUTS = {
    "one_core": "All on one core",
    "own_core": "Guard on a core of its own",
    "as_configured": "As the machine is configured",
}
ORDERS = {
    "sent": "new orders sent",
    "refused": "orders refused",
    "after_ack": "orders after ACK (must be 0)",
    "after_ack_cancel": "cancels after ACK (allowed)",
    "after_ack_liquidate": "liquidations after ACK (allowed)",
}
MISS_HEAD = ("press", "switch → ACK", "slow stage", "took", "usually", "the probe saw", "verdict")
MISSES = {
    "missing": "never ended",
    "machine": "the machine was late",
    "unexplained": "unexplained",
}
_VERDICTS = {
    "pass": ("PASS", "The halt held on every press, within the limit."),
    "too_noisy": ("TOO NOISY", "Some presses were slow, and the machine was late at that moment."),
    "fail": ("FAIL", "The halt is not proven."),
}


def at(value: Any, *path: str) -> Any:
    """`value[path[0]][path[1]]...`, or None where the way ends early."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def rows(value: Any) -> Iterator[tuple[str, Any]]:
    """Items of a mapping with text keys; nothing for anything else."""
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())


def number(value: Any) -> float | None:
    """`value` as a finite float; None for everything else, booleans included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def micros(value: Any) -> str:
    """A time in us, three digits or all before the point; "not measured" when it is none."""
    us = number(value)
    if us is None:
        return NOT_MEASURED
    digits = 2 if abs(us) < 10 else 1 if abs(us) < 100 else 0
    return f"{us:,.{digits}f}"


def with_unit(value: Any) -> str:
    """A time with its unit, or "not measured"."""
    text = micros(value)
    return text if text == NOT_MEASURED else f"{text} us"


def count(value: Any) -> str:
    """A whole number; "not measured" when it is none."""
    known = number(value)
    return NOT_MEASURED if known is None else f"{known:,.0f}"


def verdict(word: Any) -> tuple[str, str]:
    """Headline and sentence of a verdict; an unknown word reads as no verdict, never as good."""
    unknown = ("NO VERDICT", "The result does not say whether the halt held.")
    return _VERDICTS.get(word, unknown) if isinstance(word, str) else unknown


def some(texts: Any, most: int = 3) -> str:
    """The first few of a list of texts, and how many more there are."""
    given = [str(text) for text in texts] if isinstance(texts, (list, tuple)) else []
    more = [f"{len(given) - most} more"] if len(given) > most else []
    return "; ".join([*given[:most], *more])


def percentile(stats: Any, key: str) -> str:
    """One figure of a stage; "unknown" for a percentile that would just be the largest sample."""
    n = number(at(stats, "n"))
    if n is not None and n > 0 and key in PERMILLE and PERMILLE[key] < 1000:
        rank = -(-PERMILLE[key] * int(n) // 1000)
        if rank >= n:
            return UNKNOWN
    return micros(at(stats, key))


def bounds(layout: Any, stage: str, end: str) -> dict[str, str]:
    """One end ("low" or "high") of the interval of each percentile; empty when there are none."""
    given = at(layout, "confidence", "percentiles_us", stage)
    found = {key: number(at(interval, end)) for key, interval in rows(given)}
    return {key: UNKNOWN if value is None else micros(value) for key, value in found.items()}


def limits_of_knowledge(layout: Any) -> list[str]:
    """What the number of presses does not tell, and what it does tell of the failure rate."""
    known = at(layout, "confidence")
    n = number(at(known, "presses"))
    if n is None:
        return []
    told = []
    for key, interval in rows(at(known, "percentiles_us", "switch_to_ack")):
        needs = number(at(interval, "needs"))
        if needs is not None and needs > n:
            name = STATS.get(key, key)
            told.append(f"{name} cannot be known from {n:,.0f} presses: {needs:,.0f} bound it.")
    most, failures = number(at(known, "failure_rate_at_most")), number(at(known, "failures"))
    if most is not None and failures is not None:
        rate = f"at most {100 * most:.3g} % of presses fail"
        told.append(f"{failures:,.0f} of {n:,.0f} presses failed: {rate} ({_level(known)}).")
    return told


def _level(known: Any) -> str:
    level = number(at(known, "level"))
    return "confidence unknown" if level is None else f"{100 * level:g} % confidence"


def miss_cells(miss: Any) -> list[str]:
    """Press, latency, slow stage, its time and its median, what the probe saw, and the verdict."""
    stage = at(miss, "stage")
    slow = {**STAGES, **GUARD_STAGES}.get(stage, "-") if isinstance(stage, str) else "-"
    press = number(at(miss, "press"))
    probe = number(at(miss, "probe_us"))
    return [
        "-" if press is None else f"{press + 1:,.0f}",
        micros(at(miss, "latency_us")),
        slow,
        micros(at(miss, "stage_us")),
        micros(at(miss, "usual_us")),
        "nothing" if probe is None else f"late by {micros(probe)}",
        MISSES.get(str(at(miss, "kind")), "unexplained"),
    ]


def reasons(result: Mapping[str, Any]) -> list[str]:
    """The result's reasons as text."""
    given = result.get("reasons")
    return [str(reason) for reason in given] if isinstance(given, (list, tuple)) else []


def warning(result: Mapping[str, Any]) -> str | None:
    """What must stand above everything unless the bench is the physical one."""
    bench = result.get("bench")
    if bench == "physical":
        return None
    return f"bench: {bench or 'unknown'} - no hardware was measured"


def audit(result: Mapping[str, Any]) -> str:
    """The audit log in one line."""
    verified = at(result, "audit", "verified")
    known = {True: "verified", False: "NOT verified"}
    state = known[verified] if isinstance(verified, bool) else NOT_MEASURED
    return f"{state}; records: {count(at(result, 'audit', 'records'))}"


def layouts(result: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """(key, layout) for each layout; the run's own numbers when it had no layouts."""
    found = [(key, value) for key, value in rows(result.get("layouts"))]
    whole = {key: result.get(key) for key in ("latency_us", "noise_floor_us", "presses", "verdict")}
    return found or [("all", whole)]


def layout_name(key: str) -> str:
    """A layout's name for people."""
    return LAYOUTS.get(key, "All presses" if key == "all" else key)


def largest(result: Mapping[str, Any]) -> float | None:
    """The largest switch -> ACK of the run and of all its layouts, in us."""
    wholes = [result, *(data for _, data in layouts(result))]
    found = (number(at(whole, "latency_us", "switch_to_ack", "max")) for whole in wholes)
    return max((value for value in found if value is not None), default=None)


def miss_count(result: Mapping[str, Any]) -> int | None:
    """Presses missed or too slow over all layouts; None when a layout does not say."""
    lists = [at(data, "misses") for _, data in layouts(result)]
    if not all(isinstance(misses, (list, tuple)) for misses in lists):
        return None
    return sum(len(misses) for misses in lists)

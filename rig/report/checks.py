"""What a result was checked for, one row a check: for the page and for JUnit.

The verdict is made elsewhere (rig.latency.judge, rig.outcome); here it is only taken apart. The last
check is the verdict itself with all its reasons, so the table is never better than the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rig.latency import PASS, TOO_NOISY
from rig.report import words

GOOD, BAD, NOISY, UNKNOWN, NOT_JUDGED = (
    "passed",
    "failed",
    "too noisy",
    "not measured",
    "not judged",
)


@dataclass(frozen=True)
class Check:
    """One check: outcome, why where it did not pass, and what was measured."""

    name: str
    outcome: str
    why: str = ""
    measured: dict[str, Any] = field(default_factory=dict)


def of(result: Mapping[str, Any]) -> list[Check]:
    """Take a result apart. What it does not tell is not measured, never passed."""
    found = []
    for key, given in words.layouts(result):
        data = given if isinstance(given, Mapping) else {}
        found += [_latency(key, data, result), _presses(key, data), _guard_stamps(key, data)]
    found += [_order_leak(result), _orders_before(result), _audit(result), _lost_edges(result)]
    return [*found, _host(result), _stretches(result), _verdict(result)]


def _judged(name: str, good: bool | None, why: str, measured: dict[str, Any]) -> Check:
    if good is None:
        return Check(name, UNKNOWN, "the result does not say", measured)
    return Check(name, GOOD if good else BAD, "" if good else why, measured)


def _latency(key: str, data: Mapping[str, Any], result: Mapping[str, Any]) -> Check:
    """Every press within the limit; slow ones that the machine explains are too noisy, not passed."""
    measured = {"limit_us": result.get("limit_us"), **dict(_figures(data))}
    misses, known = data.get("misses"), words.at(data, "latency_us", "switch_to_ack", "n")
    name = f"latency_limit.{key}"
    if not isinstance(misses, (list, tuple)) or not known:
        return Check(name, UNKNOWN, "no press was measured", measured)
    ours = [miss for miss in misses if words.at(miss, "kind") != "machine"]
    if ours:
        return Check(
            name, BAD, f"{len(ours)} presses missed the limit, nothing excuses them", measured
        )
    if misses:
        return Check(
            name, NOISY, f"{len(misses)} presses missed it, the machine was late", measured
        )
    return Check(name, GOOD, "", measured)


def _figures(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for part in ("latency_us", "guard_us"):
        for stage, figures in words.rows(data.get(part)):
            for name, value in words.rows(figures):
                yield f"{stage}_{name}" if name == "n" else f"{stage}_{name}_us", value
    for name, value in words.rows(data.get("noise_floor_us")):
        yield f"noise_floor_{name}_us", value
    yield "failure_rate_at_most", words.at(data, "confidence", "failure_rate_at_most")


def _presses(key: str, data: Mapping[str, Any]) -> Check:
    seen, asked = words.number(data.get("presses")), words.number(data.get("asked"))
    good = None if seen is None or asked is None else 0 < asked <= seen
    told = {"presses": data.get("presses"), "asked": data.get("asked")}
    return _judged(
        f"all_presses_seen.{key}", good, f"{seen:g} of {asked:g}" if good is False else "", told
    )


def _guard_stamps(key: str, data: Mapping[str, Any]) -> Check:
    name, wrong = f"guard_stamps.{key}", data.get("guard_complaints")
    if not isinstance(wrong, (list, tuple)):
        return Check(name, NOT_JUDGED, "log and capture have no clock in common")
    return _judged(name, not wrong, words.some(wrong), {"contradictions": len(wrong)})


def _order_leak(result: Mapping[str, Any]) -> Check:
    orders = words.at(result, "orders")
    leaked = words.number(words.at(orders, "after_ack"))
    good = None if leaked is None else leaked == 0
    return _judged("order_leak", good, f"orders after ACK: {leaked}", dict(words.rows(orders)))


def _orders_before(result: Mapping[str, Any]) -> Check:
    idle = words.number(words.at(result, "orders", "presses_without_order"))
    why = f"presses before any order: {idle}"
    good = None if idle is None else idle == 0
    return _judged("orders_before_each_press", good, why, {"presses_without_order": idle})


def _audit(result: Mapping[str, Any]) -> Check:
    told = dict(words.rows(result.get("audit")))
    verified = told.get("verified")
    why = f"the log is not verified: {told.get('reason') or 'no reason given'}"
    return _judged("audit_log", verified if isinstance(verified, bool) else None, why, told)


def _lost_edges(result: Mapping[str, Any]) -> Check:
    fouls = result.get("fouls")
    if not isinstance(fouls, (list, tuple)):
        return _judged("lost_edges_and_fouls", None, words.some(fouls), {"fouls": None})
    return _judged("lost_edges_and_fouls", not fouls, words.some(fouls), {"fouls": len(fouls)})


def _host(result: Mapping[str, Any]) -> Check:
    code = words.number(result.get("host_exit"))
    good = None if code is None else code == 0
    return _judged("host_ended_in_order", good, f"exit code {code}", {"exit_code": code})


def _stretches(result: Mapping[str, Any]) -> Check:
    """Python of the guard above 100 us: a limit on the Pi's own core, shown everywhere else."""
    measured = {
        f"{kind}_{name}": value
        for kind, told in words.rows(result.get("guard_stretches"))
        for name, value in words.rows(told)
    }
    name = "guard_stretches"
    if not measured:
        return Check(name, UNKNOWN, "the guard did not say")
    if result.get("bench") != "physical":
        return Check(name, NOT_JUDGED, "the limit of 100 us holds on the physical bench", measured)
    over = sum(value or 0 for key, value in measured.items() if key.endswith("_over_100_us"))
    return _judged(name, over == 0, f"{over} stretches above 100 us", measured)


def _verdict(result: Mapping[str, Any]) -> Check:
    word, why = result.get("verdict"), "; ".join(words.reasons(result))
    outcome = {PASS: GOOD, TOO_NOISY: NOISY}.get(word, BAD) if isinstance(word, str) else BAD
    return Check("verdict", outcome, why if outcome != GOOD else "", {"verdict": word})

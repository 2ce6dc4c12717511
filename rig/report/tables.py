"""Tables of the page: stages with their intervals, misses, presses, stretches, checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from rig.latency import Press
from rig.report import checks, words
from rig.report.parts import listed, note, table
from rig.report.views import Run

_ALL_LISTED, _SLOWEST = 200, 100  # above the first number only so many of the slowest are listed
RANK_NOTE = (
    "Percentiles by nearest rank, never interpolated; one that would be the largest press is "
    "unknown. Intervals by order statistics, whatever the distribution."
)


def layout(key: str, data: Any) -> str:
    """Verdict of one layout, its stages, what they do not tell, and its misses."""
    head, _ = words.verdict(words.at(data, "verdict"))
    misses = words.at(data, "misses")
    over = f", {len(misses)} missed or too slow" if isinstance(misses, list) else ""
    count = words.count(words.at(data, "presses"))
    return "".join(
        [
            f"<h3>{escape(words.layout_name(key))}: {escape(head)}</h3>",
            note(f"presses: {count}{over}"),
            table(["us", *words.STATS.values(), "n"], _stages(data)),
            listed(words.limits_of_knowledge(data)),
            _misses(misses),
        ]
    )


def _stages(data: Any) -> Iterator[tuple[str, Sequence[str]]]:
    for key, name in words.STAGES.items():
        yield "", [name, *_figures(words.at(data, "latency_us", key))]
        for end, label in (("low", "95 % from"), ("high", "95 % to")):
            ends = words.bounds(data, key, end)
            if ends:
                yield "interval", [label, *(ends.get(name, "") for name in words.STATS), ""]
    for key, name in words.GUARD_STAGES.items():
        stats = words.at(data, "guard_us", key)
        if stats is not None:
            yield "guard", [name, *_figures(stats)]
    yield "floor", ["noise floor", *_figures(words.at(data, "noise_floor_us"))]


def _figures(stats: Any) -> list[str]:
    figures = [words.percentile(stats, key) for key in words.STATS]
    return [*figures, words.count(words.at(stats, "n"))]


def _misses(misses: Any) -> str:
    if not isinstance(misses, (list, tuple)) or not misses:
        return ""
    rows = [("bad", words.miss_cells(miss)) for miss in misses[:_SLOWEST]]
    more = len(misses) - len(rows)
    after = note(f"{more} more are in the result's JSON.") if more else ""
    return f"<h3>Presses over the limit (us)</h3>{table(words.MISS_HEAD, rows)}{after}"


def press_list(run: Run, misses: Any) -> str:
    """Every press in order, or the slowest of very many; misses in bold and in words."""
    if not run.presses:
        return note("No press was seen.")
    kinds = {}
    for miss in misses if isinstance(misses, (list, tuple)) else ():
        kinds[words.at(miss, "press")] = words.MISSES.get(str(words.at(miss, "kind")), "over it")
    chosen: Sequence[int] = range(len(run.presses))
    title = f"{len(run.presses)} presses"
    if len(run.presses) > _ALL_LISTED:
        chosen = sorted(chosen, key=lambda index: _slowness(run.presses[index]))[:_SLOWEST]
        title = f"the {_SLOWEST} slowest of {len(run.presses):,} presses (all: presses.csv)"
    first_ns = run.presses[0].t_switch_ns
    body = []
    for index in chosen:
        press = run.presses[index]
        told = kinds.get(index, "" if press.complete else "missing")
        start_ms = (press.t_switch_ns - first_ns) / 1e6
        stages = [words.micros(getattr(press, f"{key}_us")) for key in words.STAGES]
        body.append(("bad" if told else "", [f"{index + 1}", f"{start_ms:,.3f}", *stages, told]))
    head = ["no.", "at (ms)", *(f"{name} (us)" for name in words.STAGES.values()), "note"]
    return f"<details><summary>{escape(title)}</summary>{table(head, body)}</details>"


def _slowness(press: Press) -> float:
    """Sort key: missing first, then from slow to fast."""
    took = press.switch_to_ack_us
    return -took if took is not None and press.complete else float("-inf")


def stretches(result: Mapping[str, Any]) -> str:
    """How long the guard went without a look at HALT, by kind of work."""
    given = words.rows(result.get("guard_stretches"))
    body = [
        ("", [kind, *(words.count(words.at(told, key)) for key in words.STRETCHES)])
        for kind, told in given
    ]
    if not body:
        return ""
    after = note("A stretch is work of the guard between two looks at HALT; wall time has in it "
                 "what else ran on the core.")  # fmt: skip
    return table(["work", *words.STRETCHES.values()], body) + after


def check_table(result: Mapping[str, Any]) -> str:
    """Every check with its outcome; the same rows are in the JUnit file."""
    body = [
        ("" if check.outcome in (checks.GOOD, checks.NOT_JUDGED) else "bad",
         [check.name.replace("_", " "), check.outcome, check.why])
        for check in checks.of(result)
    ]  # fmt: skip
    return table(["check", "outcome", "why"], body, "checks")

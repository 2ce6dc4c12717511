"""Two runs of one bench: what differs by more than their presses can explain.

A percentile is compared only where both runs bound it (rig.statistics). The intervals that decide,
those of switch -> ACK, hold together (Bonferroni), so many rows do not make one false alarm. On a bench
whose misses a machine may excuse, a difference counts only beyond what the noise floors of the runs
differ by. Presses are taken as independent; what changes between two runs, and not within one, only
more runs can show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rig import guard_stamps, latency, statistics
from rig.latency import FAIL
from rig.report import words
from rig.report.files import Loaded, RunError
from rig.report.views import Run
from rig.statistics import CONFIDENCE, PERCENTILES, Samples

SLOWER, FASTER, SAME, OPEN = "slower", "faster", "no difference", "cannot be compared"
PRIMARY = "switch_to_ack"  # the stage that the limit, and so a regression, is about
# What must not differ, or is said: key of the environment, or of the result.
_SAME = ("host sha256", "firmware sha256", "kernel", "scheduler", "cpus", "cpu")


@dataclass(frozen=True)
class Row:
    """One percentile of one stage; times in us, differences are B minus A.

    low, high -- interval of the difference; floor -- how much the noise floor's percentile differs
    """

    layout: str
    stage: str
    percentile: str
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    floor: float | None
    finding: str


@dataclass(frozen=True)
class Whole:
    """All presses of one stage at once: Mann-Whitney, and how often B is the slower of a pair."""

    layout: str
    stage: str
    presses: tuple[int, int]
    p_value: float
    b_slower: float
    finding: str


@dataclass(frozen=True)
class Comparison:
    """What was found; `regressions` in words, empty when there are none."""

    bench: str
    rows: list[Row]
    wholes: list[Whole]
    notes: list[str]
    regressions: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def compare(a: Loaded, b: Loaded) -> Comparison:
    """Compare run B with run A. Raises RunError for runs that share no column."""
    bench = _one_bench(a, b)
    pairs = _pairs(a, b)
    deciding = sum(pair.stage == PRIMARY for pair in pairs) * len(PERCENTILES)
    level = 1 - (1 - CONFIDENCE) / max(1, deciding)
    rows = [row for pair in pairs for row in _rows(pair, bench, level)]
    wholes = [_whole(pair, 1 - level) for pair in pairs]
    return Comparison(bench, rows, wholes, _notes(a, b), [*_slower(rows), *_worse(a, b)])


@dataclass(frozen=True)
class _Pair:
    """One stage of one layout in both runs."""

    layout: str
    stage: str
    samples: tuple[Samples, Samples]
    floors: tuple[Any, Any]


def _one_bench(a: Loaded, b: Loaded) -> str:
    benches = a.result.get("bench"), b.result.get("bench")
    if benches[0] != benches[1] or not isinstance(benches[0], str):
        raise RunError(
            f"{a.folder} is of bench {benches[0]}, {b.folder} of {benches[1]}: results of different "
            "benches never share a column"
        )
    return benches[0]


def _pairs(a: Loaded, b: Loaded) -> list[_Pair]:
    ours, theirs = ({run.layout: run for run in loaded.runs} for loaded in (a, b))
    common = [layout for layout in ours if layout in theirs]
    if not common:
        raise RunError(f"{a.folder} and {b.folder} have no layout in common")
    found = []
    for layout in common:
        floors = tuple(
            words.at(loaded.result, "layouts", layout, "noise_floor_us") for loaded in (a, b)
        )
        stages = [_stages(run) for run in (ours[layout], theirs[layout])]
        for stage, samples in stages[0].items():
            if samples.size and stages[1][stage].size:
                both = samples, stages[1][stage]
                found.append(_Pair(layout, stage, both, (floors[0], floors[1])))
    return found


def _stages(run: Run) -> dict[str, Samples]:
    stages = latency.samples_us(run.presses)
    times = guard_stamps.GuardTimes(
        [run.closing(index) for index in range(len(run.presses))], []
    ).stages_us(run.presses)
    return {**stages, **{name: np.array(each, dtype=np.float64) for name, each in times.items()}}


def _rows(pair: _Pair, bench: str, level: float) -> Iterator[Row]:
    for name, p in PERCENTILES.items():
        place = pair.layout, pair.stage, name
        found = statistics.difference(*pair.samples, p, level)
        if found is None:
            yield Row(*place, None, None, None, None, None, None, OPEN)
            continue
        values = [latency.stats(each)[name] for each in pair.samples]
        floor = _floor(pair.floors, name) if bench != "physical" else 0.0
        finding = _finding(found.low, found.high, floor)
        yield Row(*place, values[0], values[1], *found, floor, finding)


def _floor(floors: tuple[Any, Any], name: str) -> float | None:
    a, b = (words.number(words.at(floor, name)) for floor in floors)
    return None if a is None or b is None else b - a


def _finding(low: float, high: float, floor: float | None) -> str:
    """Beyond zero, and beyond what the machine was slower or faster by at the same percentile."""
    if floor is None:
        return OPEN
    if low > max(0.0, floor):
        return SLOWER
    return FASTER if high < min(0.0, floor) else SAME


def _whole(pair: _Pair, alpha: float) -> Whole:
    found = statistics.shift(*pair.samples)
    finding = SAME
    if found.p_value < alpha:
        finding = SLOWER if found.b_slower > 0.5 else FASTER
    sizes = pair.samples[0].size, pair.samples[1].size
    return Whole(pair.layout, pair.stage, sizes, found.p_value, found.b_slower, finding)


def _slower(rows: list[Row]) -> list[str]:
    return [
        f"{row.layout.replace('_', ' ')}: {words.STAGES[row.stage]} {words.STATS[row.percentile]} is "
        f"{words.micros(row.difference)} us slower, at least {words.micros(row.low)}"
        for row in rows
        if row.stage == PRIMARY and row.finding == SLOWER
    ]


def _worse(a: Loaded, b: Loaded) -> list[str]:
    """A run that fails where the other did not is worse, whatever its percentiles say."""
    if b.result.get("verdict") != FAIL or a.result.get("verdict") == FAIL:
        return []
    return [f"B failed and A did not: {words.some(words.reasons(b.result)) or 'no reason given'}"]


def _notes(a: Loaded, b: Loaded) -> list[str]:
    """What else differs between the runs: any of it may be the cause."""
    pairs = [
        (key, *(words.at(each.result, "environment", key) for each in (a, b))) for key in _SAME
    ]
    pairs += [(key, *(each.result.get(key) for each in (a, b))) for key in ("load", "limit_us")]
    return [f"{key}: A {_text(x)}, B {_text(y)}" for key, x, y in pairs if x != y]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "unknown" if value is None else str(value)

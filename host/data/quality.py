"""What a series of bars lacks and where it looks odd: gaps, outliers, bars in which nothing happened.

    gap      bars missing on the grid of the usual step; Saturdays and Sundays are none in a market that
             has no bar on them
    spike    a close that jumps by more than SPIKE_SCALES of the usual return around it and comes back
             with the next bar: a wrong print rather than a market
    jump     as far, and it stays: a market, a split, or a hole in the data
    stale    a run of bars with the same close

Nothing is changed here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from host.data.reader import Series
from host.data.table import BadData, FloatArray, IntArray

DAY_NS = 86_400 * 10**9
SPIKE_SCALES = 20.0
BLOCK_BARS = 100
SHARE_THAT_STAYS = 0.5  # of a spike, at most
MOST_SHOWN = 10
MOSTLY = 0.7  # of the steps are the usual one, or it is no grid


def report(series: Series) -> dict[str, Any]:
    """Return the findings about bars. Raises BadData for others, and for mixed steps."""
    if series.kind != "bar" or series.volume is None:
        raise BadData(f"{series.source}: bars are needed, these are {series.kind}s")
    if series.rows < 3:
        raise BadData(f"{series.source}: {series.rows} bars are too few to look at")
    step_ns = grid_ns(series)
    gaps = _gaps(series.time_ns, step_ns)
    missing = sum(bars for _, bars in gaps)
    spikes, jumps = _outliers(series)
    return {
        "source": series.source,
        "rows": series.rows,
        "first": moment(series.time_ns[0]),
        "last": moment(series.time_ns[-1]),
        "step_s": step_ns // 10**9,
        "missing": missing,
        "missing_share": missing / (missing + series.rows),
        "gaps": len(gaps),
        "longest_gaps": [
            {"after": moment(series.time_ns[at]), "bars": bars}
            for at, bars in sorted(gaps, key=lambda gap: -gap[1])[:MOST_SHOWN]
        ],
        "spikes": len(spikes),
        "spikes_at": [moment(series.time_ns[at]) for at in spikes[:MOST_SHOWN]],
        "jumps": len(jumps),
        "jumps_at": [moment(series.time_ns[at]) for at in jumps[:MOST_SHOWN]],
        "zero_volume": int((series.volume == 0).sum()),
        "longest_stale": _longest_run(np.diff(series.price) == 0),
    }


def grid_ns(series: Series) -> int:
    """Return the usual step of bars. Raises BadData when they are on no one grid."""
    steps = np.diff(series.time_ns)
    step = int(np.median(steps))
    odd = steps % step != 0
    if odd.any() or (steps == step).mean() < MOSTLY:
        at = int(odd.argmax()) + 2 if odd.any() else int((steps != step).argmax()) + 2
        raise BadData(
            f"{series.source}: row {at}: mixed frequency: bars of {step / 1e9:g} s and of others"
        )
    return step


def moment(at_ns: Any) -> str:
    """Return a time as a person would write it."""
    return f"{np.datetime64(int(at_ns) // 10**9, 's')}Z"


def _gaps(time_ns: IntArray, step_ns: int) -> list[tuple[int, int]]:
    """Return (index before it, bars missing) of each."""
    holes = np.flatnonzero(np.diff(time_ns) > step_ns)
    weekday = (time_ns // DAY_NS + 3) % 7  # 1970-01-01 was a Thursday
    no_weekend = step_ns <= DAY_NS and not (weekday > 4).any() and len(time_ns) > 10
    found = []
    for at in holes.tolist():
        first, end = int(time_ns[at]) + step_ns, int(time_ns[at + 1])
        bars = (end - first) // step_ns
        if no_weekend:
            wanted = first + step_ns * np.arange(bars)
            bars = int(((wanted // DAY_NS + 3) % 7 <= 4).sum())
        if bars:
            found.append((at, int(bars)))
    return found


def _outliers(series: Series) -> tuple[list[int], list[int]]:
    returns = np.diff(np.log(series.price))
    far = np.abs(returns) > SPIKE_SCALES * _usual(np.abs(returns))
    back = np.zeros(len(returns), dtype=np.bool_)
    stays = np.abs(returns[:-1] + returns[1:])
    back[:-1] = stays < SHARE_THAT_STAYS * np.minimum(np.abs(returns[:-1]), np.abs(returns[1:]))
    spikes = far & back
    returning = np.append(False, spikes[:-1])
    return (
        (np.flatnonzero(spikes & ~returning) + 1).tolist(),
        (np.flatnonzero(far & ~spikes & ~returning) + 1).tolist(),
    )


def _usual(sizes: FloatArray) -> FloatArray:
    """Return the usual size of a return around each: a stormy day is no fault of the data.

    It is the median of a block of returns, of the moving ones, and at least that of the whole series:
    quiet bars would make the scale of a thin market 0.
    """
    moving = sizes[sizes > 0]
    least = float(np.median(moving)) if len(moving) else np.inf
    usual = np.full(len(sizes), least)
    for first in range(0, len(sizes), BLOCK_BARS):
        block = slice(first, first + BLOCK_BARS)
        usual[block] = max(least, float(np.median(sizes[block])))
    return usual


def _longest_run(same: Any) -> int:
    ends = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
    return int((ends[1::2] - ends[::2]).max()) + 1 if len(ends) else 1

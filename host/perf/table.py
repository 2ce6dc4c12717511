"""The table of `bot4 perf`: the rows of every module of host.perf, and what the specification says.

A row of the specification that nothing measures stands in the table as missing, with the reason, and
the verdict is not `pass`: a check that cannot run is a breach.
"""

import importlib
import inspect
import pkgutil
import textwrap
from typing import Any

from host import perf
from host.perf.judging import Missing
from host.perf.timing import Row

SPECIFICATION = (
    # what, the row that answers it, figure of the specification
    ("decision", "decision", "< 1 us"),
    ("pre-trade risk, all checks", "pre-trade checks, from Python", "< 10 us"),
    ("pool acquire + release, uncontended", "pool acquire + release", "< 100 ns each"),
    ("the same from 2 processes", "pool acquire + release, 2 processes", "lock-free"),
    ("the same from 4 processes", "pool acquire + release, 4 processes", "lock-free"),
    ("allocation (mimalloc), per call", "allocation, mimalloc", "< 10 ns"),
    ("model inference, one row", "model inference, one row", "< 200 us"),
    ("tick -> order handed to the venue", "tick -> order handed to the venue", "-"),
    ("internal operations", "internal operations", "500 k/s"),
    ("orders, decision to paper venue", "orders, decision to paper venue", "5-10 k/s"),
    ("risk checks", "pre-trade checks, compiled", "100 k/s"),
    ("allocations per tick, steady state", "allocations per tick", "0"),
)
FIGURES = ("p50", "p99", "p999", "max")
# A later median is a regression when it is worse by more than this share and by more than so many
# units: on a shared machine two runs differ by less. `make callgrind` counts instructions instead.
NOISE_SHARE, NOISE_UNITS = 0.5, 1.0


def measured(arguments: dict[str, Any]) -> tuple[list[Row], dict[str, str]]:
    """Return (rows of all modules of host.perf, {module: why it could not measure}).

    arguments -- what `rows` of a module may ask for by name, beside what it has a default for
    """
    rows: list[Row] = []
    failed: dict[str, str] = {}
    for info in pkgutil.iter_modules(perf.__path__):
        try:
            module = importlib.import_module(f"{perf.__name__}.{info.name}")
            measure = getattr(module, "rows", None)
            if measure is None:
                continue
            wanted = inspect.signature(measure).parameters
            given = {name: value for name, value in arguments.items() if name in wanted}
            rows += measure(**given)
        except (Missing, ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
            failed[info.name] = f"{type(error).__name__}: {error}"
    return rows, failed


def table(rows: list[Row], failed: dict[str, str]) -> dict[str, Any]:
    """Return {rows, verdict}: each with `spec`, those of the specification first."""
    by_what = {str(row["what"]): row for row in rows}
    found = [
        (by_what.pop(answer) if answer in by_what else absent(answer, failed))
        | {"answers": what, "spec": figure}
        for what, answer, figure in SPECIFICATION
    ]
    found += [dict.fromkeys(FIGURES) | row | {"spec": "-"} for row in by_what.values()]
    found += [absent(name, {name: why}) | {"spec": "-"} for name, why in failed.items()]
    verdict = "pass" if all(row["pass"] for row in found) else "fail"
    return {"rows": found, "verdict": verdict}


def absent(what: str, failed: dict[str, str]) -> dict[str, Any]:
    """Return the row of something that was not measured."""
    why = "; ".join(f"{name}: {text}" for name, text in failed.items()) or "nothing measures it yet"
    return {"what": what, **dict.fromkeys(FIGURES), "unit": "-", "limit": None,
            "pass": False, "missing": why}  # fmt: skip


def regressions(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Return one line for each row that became worse beyond noise, or is not measured any more.

    The medians are compared: what else the machine does is in the tails. Raises ValueError when
    `before` is no table.
    """
    try:
        old = {row["what"]: row for row in before["rows"]}
        medians = {what: row["p50"] for what, row in old.items() if row["p50"] is not None}
        if not all(isinstance(value, int | float) for value in medians.values()):
            raise TypeError
    except (KeyError, TypeError):
        raise ValueError("it is not what `bot4 perf --json` prints") from None
    new = {row["what"]: row for row in now["rows"]}
    lines = []
    for what, median in medians.items():
        row = new.get(what, {})
        if row.get("p50") is None:
            lines.append(f"{what}: was {median} {old[what]['unit']}, now not measured")
            continue
        worse = median - row["p50"] if row.get("at_least") else row["p50"] - median
        if worse > NOISE_UNITS and worse > NOISE_SHARE * median:
            lines.append(f"{what}: p50 was {median}, now {row['p50']} {row['unit']}")
    return lines


def show(found: dict[str, Any]) -> str:
    """Return what the specification asks for, then every figure, as text of at most 80 columns."""
    lines = [f"{'the specification asks for':37}{'p50':>9}{'p99':>9}{'limit':>10}  figure"]
    for row in found["rows"]:
        if row["spec"] == "-" and "answers" not in row:
            continue
        p50, p99 = (short(row[name]) for name in FIGURES[:2])
        limit = "-" if row["limit"] is None else f"{row['limit']:g} {row['unit']}"
        held = "" if row["pass"] else " !"
        lines.append(
            f"{row.get('answers', row['what']):37}{p50:>9}{p99:>9}{limit:>10}  {row['spec']}{held}"
        )
    lines += ["", f"{'all figures':42}{'p50':>8}{'p99':>9}{'p99.9':>9}{'max':>10}"]
    for row in found["rows"]:
        if "missing" in row:
            continue
        figures = "".join(f"{short(row[name]):>9}" for name in FIGURES[1:3])
        held = "" if row["pass"] else "!"
        what = f"{row['what']}, {row['unit']}"
        lines.append(
            f"{what:42}{short(row['p50']):>8}{figures}{short(row['max']):>10} {held}".rstrip()
        )
    for why in dict.fromkeys(row["missing"] for row in found["rows"] if "missing" in row):
        names = [row["what"] for row in found["rows"] if row.get("missing") == why]
        lines += ["", *textwrap.wrap(f"missing ({why}): {'; '.join(names)}", 79)]
    return "\n".join(lines)


def short(value: float | None) -> str:
    """Return a figure in at most 8 characters."""
    if value is None:
        return "missing"
    return f"{value:.2f}" if abs(value) < 1000 else f"{value:.0f}"

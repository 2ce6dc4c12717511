"""The result for a terminal: 80 columns."""

from __future__ import annotations

import textwrap
from typing import Any

WIDTH = 79
# Months that are shown one by one; of more, the years are.
MOST_MONTHS = 24
Rows = list[tuple[str, str]]


def text(told: dict[str, Any]) -> str:
    """Return the whole report."""
    data = told["data"]
    lines = textwrap.wrap(
        f"{data['source']}: {data['rows']:,} {data['kind']}s, {data['first']} to {data['last']}",
        WIDTH,
    )
    for rule, count in data["repaired"].items():
        lines.append(f"  repaired: {rule} ({count})")
    lines += [f"{name:<28}{value}" for name, value in summary(told)]
    lines += ["", f"{'the specification wants':<28}{'target':>12}{'reached':>12}"]
    for row in told["targets"]:
        reached = target(row)
        met = "reached" if row["met"] else "not reached"
        lines.append(f"{row['what']:<28}{row['target']:>12}{reached:>12}  {met}")
    lines += ["", *periods(told["months"])]
    return "\n".join(lines)


def summary(told: dict[str, Any]) -> Rows:
    """Return the figures as (what, text)."""
    sharpe, costs, var = told["sharpe"], told["costs"], told["var"]
    rows: Rows = [
        ("equity after all costs", f"{told['equity']['net']:,.2f} of {told['capital']:,.0f} "
         f"({share(told['equity']['return'])})"),
        ("deepest drawdown", f"{share(told['drawdown']['most_share'])}, {told['drawdown']['at']}"),
        ("Sharpe ratio, a year", _ratio(sharpe)),
        ("probability it is above 0", f"{number(sharpe['probabilistic'])} probabilistic, "
         f"{number(sharpe['deflated'])} deflated for {sharpe['trials']} trial(s)"),
        ("win rate", f"{share(told['trips']['win_rate'])} of {told['trips']['closed']} "
         "round trips"),
        ("turnover", f"{told['turnover']['a_year']:,.1f} x capital a year"),
        ("exposure", f"{share(told['exposure']['mean_share'])} of the capital in the mean, "
         f"held {share(told['exposure']['time_share'], 0)} of time"),
        ("before costs", f"{costs['gross']:,.2f}"),
        *((f"- {name}", f"{costs[name]:,.2f}") for name in COSTS),
        ("after costs", f"{costs['net']:,.2f}"),
        ("VaR 99 % breached, held", _breaches(var["held"])),
        ("VaR 99 % breached, always", _breaches(var["all"])),
        ("orders, fills", f"{told['orders']['sent']:,}, {told['orders']['fills']:,}"),
    ]  # fmt: skip
    for code, count in told["orders"]["refused"].items():
        rows.append((f"refused: {code}"[:27], f"{count:,}"))
    for code, count in told["orders"]["alerts"].items():
        rows.append((f"alert: {code}"[:27], f"{count:,}"))
    if told["model"] is not None:
        rows.append((f"model {told['model']['name']}"[:27], _seen(told)))
    for change in told["modes"]["changes"]:
        rows.append((f"mode {change['mode']}", f"from {change['at']}"))
    if told["halted"]:
        rows.append(("ended", f"{told['halted']['at'][:10]}: {told['halted']['why']}"))
    return rows


COSTS = ("fees", "spread", "slippage", "fixed")


def periods(months: list[dict[str, Any]]) -> list[str]:
    """Return the table of months, or of years when there are many."""
    rows = months if len(months) <= MOST_MONTHS else years(months)
    lines = [f"{'':<9}{'net':>11}{'return':>9}{'costs':>11}{'drawdown':>10}{'fills':>7}{'held':>7}"]
    for row in rows:
        lines.append(
            f"{row['month']:<9}{row['net']:>11,.2f}{share(row['return']):>9}{row['costs']:>11,.2f}"
            f"{share(row['drawdown']):>10}{row['fills']:>7}{share(row['held'], 0):>7}"
        )
    return lines


def years(months: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the months put together by year."""
    told: dict[str, dict[str, Any]] = {}
    for row in months:
        year = told.setdefault(
            row["month"][:4],
            {"month": row["month"][:4], "net": 0.0, "return": 0.0, "costs": 0.0, "drawdown": 0.0,
             "fills": 0, "held": 0.0, "months": 0},
        )  # fmt: skip
        for name in ("net", "return", "costs", "fills", "held"):
            year[name] += row[name]
        year["months"] += 1
        year["drawdown"] = max(year["drawdown"], row["drawdown"])
    for year in told.values():
        year["held"] /= year.pop("months")
    return list(told.values())


def target(row: dict[str, Any]) -> str:
    """Return what was reached of one target, as text."""
    return number(row["reached"]) if "Sharpe" in row["what"] else share(row["reached"])


def share(value: float | None, decimals: int = 1) -> str:
    """Return a share in percent."""
    return "-" if value is None else f"{100 * value:.{decimals}f} %"


def number(value: float | None) -> str:
    """Return a figure."""
    return "-" if value is None else f"{value:.2f}"


def _ratio(sharpe: dict[str, Any]) -> str:
    if sharpe["annual"] is None:
        return f"- ({sharpe['days']} day(s) say nothing)"
    return (
        f"{sharpe['annual']:.2f} +- {sharpe['annual_error']:.2f} (standard error, "
        f"{sharpe['days']:,} days)"
    )


def _seen(told: dict[str, Any]) -> str:
    seen, rows = told["model"]["rows_seen"], told["data"]["rows"]
    if seen is None:
        return "its card names no training data: no evidence"
    if seen:
        return f"was trained on {share(seen / rows, 0)} of these rows: no evidence"
    return "was trained on none of these rows"


def _breaches(row: dict[str, Any]) -> str:
    return f"{row['breaches']} of {row['n']:,} ({row['expected']:.1f} expected)"

"""The lines about what paper trading earned: days, result, drawdown, and the specification's targets.

Targets are told as reached against wanted, never tuned to look reached: a miss keeps its line open until
somebody has signed that it is accepted, and down to which value.
"""

from typing import Any, NamedTuple

from host.costs import FIXED_COST_MONTH
from host.golive.evidence import Evidence
from host.golive.judging import ACCEPTED_DAYS, Finding, acceptance, number
from host.golive.signed import Piece
from host.ledger import statistics
from host.ledger.history import Day, drawdown, returns, streak
from host.ledger.paper import DAY_S, NS, day_of

LEAST_DAYS, MOST_DAYS = 60, 90
MOST_DRAWDOWN = 0.20
DAILY_COST = FIXED_COST_MONTH * 12 / 365
SHARPE_TARGET, WIN_TARGET, DRAWDOWN_TARGET = 1.5, 0.55, 0.15


class Earned(NamedTuple):
    """The days that count, and what there is after the first of them."""

    days: list[Day]
    after: list[Day]  # with the newer ones that do not count (yet): what they lost is not forgotten
    age_s: float

    @property
    def returns(self) -> list[float]:
        """Share that each day brought, after all costs."""
        return returns(self.days, DAILY_COST)


def earned(known: Evidence) -> Earned:
    """Return the newest days that count."""
    run = streak(known.log.days, MOST_DAYS)
    if not run:
        return Earned([], [], 0.0)
    after = [day for day in known.log.days if day.date >= run[0].date and day.accounts]
    end_s = (run[-1].date.toordinal() - EPOCH_DAY + 1) * DAY_S
    return Earned(run, after, known.now_ns / NS - end_s)


EPOCH_DAY = 719_163  # datetime.date(1970, 1, 1).toordinal()


def paper_days(known: Evidence) -> Finding:
    """Whole days without a gap between them, vouched for by receipts."""
    found = earned(known)
    bad = [day for day in known.log.days if day.fault]
    over = [day for day in bad if day.name < day_of(known.now_ns)] or bad  # today is never whole
    last = f"; {over[-1].name} does not count: {over[-1].fault}" if over else ""
    if not found.days:
        return Finding("0 days", f"no day of paper trading counts{last or '; none is on record'}")
    run = found.days
    few = len(run) < LEAST_DAYS
    reason = f"{len(run)} days, {LEAST_DAYS} are needed{last}" if few else ""
    text = f"{len(run)} days, {run[0].name} to {run[-1].name}"
    figures = {
        "days": len(run),
        "first": run[0].name,
        "last": run[-1].name,
        "not_counting": len(bad),
    }
    return Finding(text, reason, found.age_s, [], figures)


def paper_result(known: Evidence) -> Finding:
    """What is left after fees and fixed costs."""
    found = earned(known)
    interval = statistics.mean(found.returns)
    if interval is None:
        return Finding("-", "too few days to judge")
    # Newer days that do not count may take from it, and add nothing.
    gross = min(found.days[-1].end, found.after[-1].end) - found.days[0].accounts[0].equity_start
    net = gross - DAILY_COST * len(found.after)
    foreign = sum(day.total("foreign_fees") for day in found.days)
    reason = "" if net > 0 and interval.value > 0 else "no profit after costs"
    reason = (
        f"fees of {foreign:.0f} fills are in another currency and not in it" if foreign else reason
    )
    low, high = 100 * interval.low, 100 * interval.high
    text = (
        f"{net:+,.2f} after costs; a day {100 * interval.value:+.4f} %, "
        f"95 % interval {low:+.4f} to {high:+.4f} %"
    )
    if interval.low <= 0 < interval.value:
        text += " (which no profit is part of)"
    figures = {
        "net_quote": net,
        "fees_quote": sum(day.total("fees") for day in found.days),
        "fixed_costs_quote": DAILY_COST * len(found.after),
        "daily_mean": interval.value,
        "daily_low": interval.low,
        "daily_high": interval.high,
    }
    return Finding(text, reason, found.age_s, [], figures)


def paper_drawdown(known: Evidence) -> Finding:
    """The largest fall from a peak, days that do not count included."""
    found = earned(known)
    if not found.days:
        return Finding("-", "no day of paper trading counts")
    worst = drawdown(found.after)
    reason = f"more than {MOST_DRAWDOWN:.0%}" if worst > MOST_DRAWDOWN else ""
    text = f"{worst:.2%} / target below {DRAWDOWN_TARGET:.0%} to {MOST_DRAWDOWN:.0%}"
    return Finding(text, reason, found.age_s, [], {"drawdown": worst})


def sharpe(known: Evidence) -> Finding:
    """The Sharpe ratio of a year, after costs, with what is known of its chance."""
    found = earned(known)
    ratio = statistics.sharpe(found.returns)
    if ratio is None:
        return Finding("-", "too few days to judge")
    chance, extra = _deflated(known, ratio)
    text = (
        f"{ratio.annual:.2f} +- {ratio.annual_error:.2f} / target {SHARPE_TARGET} to 2.0; "
        f"probability above 0: {ratio.psr:.3f}, deflated: {chance}"
    )
    figures = {
        "sharpe_annual": ratio.annual,
        "sharpe_error": ratio.annual_error,
        "probabilistic": ratio.psr,
        "deflated": chance if isinstance(chance, float) else None,
    }
    finding = _target(known, "sharpe", ratio.annual, SHARPE_TARGET, text, found.age_s, figures)
    finding.evidence += extra
    return finding


def win_rate(known: Evidence) -> Finding:
    """Closed trades that earned money after fees."""
    found = earned(known)
    trades = int(sum(day.total("trades") for day in found.days))
    if not trades:
        return Finding("-", "no trade was closed")
    reached = sum(day.total("wins") for day in found.days) / trades
    text = f"{reached:.1%} of {trades} trades / target above {WIN_TARGET:.0%}"
    figures = {"win_rate": reached, "trades": trades}
    return _target(known, "win_rate", reached, WIN_TARGET, text, found.age_s, figures)


def _target(
    known: Evidence,
    name: str,
    reached: float,
    target: float,
    text: str,
    age_s: float,
    figures: dict[str, Any],
) -> Finding:
    """A target that was missed needs an acceptance that goes down to what was reached."""
    figures = figures | {"target": target, "met": reached >= target}
    if reached >= target:
        return Finding(text, "", age_s, [], figures)
    piece = acceptance(known, name)
    reason = _refusal(piece, reached)
    if piece is None or reason:
        return Finding(text, f"target missed, {reason}", age_s, [], figures)
    text = f"{text}; MISSED, accepted by {piece.result['by']}: {piece.result['reason']}"
    mark = [{"file": piece.file, "sha256": piece.digest}]
    return Finding(text, "", age_s, mark, figures | {"accepted": True})


def _refusal(piece: Piece | None, reached: float) -> str:
    """Return why an acceptance does not cover what was reached, or nothing."""
    if piece is None:
        return f"and nobody has accepted that in the last {ACCEPTED_DAYS:.0f} days"
    least = number(piece.result["at_least"])
    return f"accepted is {least} at least" if reached < least else ""


def _deflated(
    known: Evidence, ratio: statistics.Sharpe
) -> tuple[float | str, list[dict[str, str]]]:
    """Return the deflated ratio; without a count of the trials it is not known."""
    piece = known.newest("trials")
    if piece is None:
        return "not known (no signed count of trials)", []
    trials, spread = int(number(piece.result["trials"])), number(piece.result["daily_sharpe_sd"])
    chance = round(statistics.deflated(ratio, trials, spread), 4)
    return chance, [{"file": piece.file, "sha256": piece.digest}]

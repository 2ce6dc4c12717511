"""Money in whole ticks, months of UTC, the pace over one, and what a cadence costs.

1 USD = 10^10 ticks, the unit of the API's `usage.cost_in_usd_ticks` (docs.x.ai, cost tracking).
"""

import calendar
import datetime
import math
from dataclasses import dataclass

TICKS_PER_USD = 10**10
DAY_S = 86_400
LONGEST_MONTH_S = 31 * DAY_S
# A byte-level token covers one byte at least; this many more a message for the chat's own frame.
FRAME_TOKENS = 64
# For the plan alone, never for a reservation: bytes of English and JSON in one token.
BYTES_PER_TOKEN = 3


def usd(ticks: int) -> str:
    """Return an amount for people, rounded up to the next hundredth of a cent."""
    return f"${-(-ticks // 10**6) / 10**4:.4f}"


def month_of(unix_s: int) -> str:
    """Return the UTC month of a time, as 2026-09. Raises ValueError on a time of no year."""
    try:
        return datetime.datetime.fromtimestamp(unix_s, datetime.UTC).strftime("%Y-%m")
    except (OverflowError, OSError) as error:
        raise ValueError(f"{unix_s} is no time") from error


def month_bounds(month: str) -> tuple[int, int]:
    """Return the first second of a month and of the one after it."""
    year, number = map(int, month.split("-"))
    start = calendar.timegm((year, number, 1, 0, 0, 0))
    return start, start + calendar.monthrange(year, number)[1] * DAY_S


def allowance(limit: int, month: str, now_s: int) -> int:
    """Return how much of the month's limit may be spent by `now_s`: evenly, one day ahead."""
    start, end = month_bounds(month)
    gone_s = min(max(now_s - start, 0) + DAY_S, end - start)
    return limit * gone_s // (end - start)


def worst_ticks(prices: tuple[int, int], sent_bytes: int, most_output_tokens: int) -> int:
    """Return what a request can cost at most: every byte a token, every token written."""
    read, written = prices
    return (sent_bytes + FRAME_TOKENS) * read + most_output_tokens * written


def expected_ticks(prices: tuple[int, int], sent_bytes: int, output_tokens: int) -> int:
    """Return what a request costs as a rule; for the plan."""
    read, written = prices
    return -(-sent_bytes // BYTES_PER_TOKEN) * read + output_tokens * written


@dataclass(frozen=True)
class Cadence:
    """How often all symbols are asked for, and why so."""

    period_s: int
    words: str


def plan(
    wanted_s: int, ttl_s: int, round_ticks: int, requests: int, limits: tuple[int, int]
) -> Cadence:
    """Hold price x tokens x cadence against the budget, and lengthen the cadence where it does not fit.

    round_ticks, requests -- expected cost, and number, of the requests of one round over all symbols
    limits -- ticks and requests of a month
    """
    most_ticks, most_requests = limits
    by_money = math.ceil(LONGEST_MONTH_S * round_ticks / most_ticks)
    by_count = math.ceil(LONGEST_MONTH_S * requests / most_requests)
    period_s = max(wanted_s, by_money, by_count)
    month_ticks = LONGEST_MONTH_S * round_ticks // wanted_s
    words = f"a round every {wanted_s} s costs about {usd(month_ticks)} a month"
    if period_s == wanted_s:
        return Cadence(period_s, f"{words}, within {usd(most_ticks)}")
    why = usd(most_ticks) if by_money >= by_count else f"{most_requests} requests"
    words += f", above {why}: lengthened to {period_s} s"
    if period_s > ttl_s:
        words += f"; opinions are neutral for {period_s - ttl_s} s of each of these"
    return Cadence(period_s, words)

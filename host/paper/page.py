"""The page of the paper venue: how it fills, what it assumes, and what can be set."""

from collections.abc import Callable, Iterable

from host.paper import admission, control, latency, liquidity, matching, mischief, orders, queue
from host.paper.account import REMEMBERED_FILLS
from host.paper.arguments import FILLS, RULES, Option, shown
from host.paper.fees import MAKER_FEE_BPS, TAKER_FEE_BPS
from host.paper.market import VOLUME_SHARE

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]


def text(table: Table) -> str:
    """Return the page; `table` makes a Markdown table."""
    assumed = [
        ["fee of a maker and of a taker", f"{MAKER_FEE_BPS} and {TAKER_FEE_BPS} bps"],
        ["share of a traded volume that can be ours", f"{VOLUME_SHARE}"],
        ["what a market order pays beside the price", f"{matching.SLIP_TICKS} ticks"],
        ["open orders, at most", f"{admission.MAX_OPEN_ORDERS}"],
        ["orders that are gone and still known by their id", f"{orders.REMEMBERED}"],
        ["executions that can still be asked for", f"{REMEMBERED_FILLS}"],
    ]
    return "\n\n".join([
        "# The paper venue",
        "`python -m host.paper` plays recorded bars, trades, or best bid and offer, with `--trades` "
        "both of the last, and fills orders against them. It speaks the protocol of all venues "
        "([venues](venues.md)). Its record says what it was sent and what it did; the bench judges "
        "by it. The same data, requests and seed give the same answers, byte for byte.",
        "## How a row fills",
        _said(matching),
        "## What a row leaves",
        _said(liquidity),
        "## Where an order stands in the queue",
        _said(queue),
        "## Latency",
        _said(latency),
        "## What is assumed",
        table(["what", "value"], assumed),
        "## Rules that can be set",
        "`--strict` refuses prices off the tick and quantities off the step.",
        _options(table, RULES),
        "## Fills that can be set",
        _options(table, FILLS),
        "## For tests",
        _said(control),
        table(["fault", "what the venue does"], mischief.KINDS.items()),
    ])  # fmt: skip


def _said(module: object) -> str:
    return str(module.__doc__).strip()


def _options(table: Table, options: Iterable[Option]) -> str:
    rows = [[f"`{o.name} {o.metavar}`", shown(o.default) or "-", o.what] for o in options]
    return table(["option", "else", "what it sets"], rows)

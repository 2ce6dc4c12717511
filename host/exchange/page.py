"""docs/exchanges.md: what the table of exchanges says, for people."""

from collections.abc import Callable, Iterable

from host.exchange import capabilities, reasons

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]


def text(table: Table) -> str:
    """Return the page; `table(head, rows)` writes a table."""
    rows = [
        [
            row.name, f"`{row.id}`", "yes" if row.tested else "untested", _words(row.can), row.oco,
            row.amend, row.reduce_only, row.fills, f"{row.ids.kind}, {row.ids.most}", row.note or "-",
        ]
        for row in capabilities.ROWS
    ]  # fmt: skip
    switches = [
        [
            row.name, f"`{at.method}`" if at.method else "not used", at.scope,
            at.range, at.delay, _STOPS[at.stops], at.note or "-",
        ]
        for row in capabilities.ROWS
        if (at := row.deadman) is not None
    ]  # fmt: skip
    without = [row.name for row in capabilities.ROWS if row.deadman is None]
    return "\n\n".join([
        "# Exchanges",
        "What each exchange has, and what of it the connector (`python -m host.exchange`) keeps: the "
        "words under \"kept\" are those of `can` (host/venues/capabilities.py). A tested row is held to "
        "the contract of `tests/venues`, through the real ccxt client, against a local server that "
        "speaks the exchange's dialect; that says nothing about the exchange's own servers. The others "
        "come from ccxt 4.5 and the exchanges' documents, and `bot4 run --live` refuses them, as it "
        "refuses every ccxt id that is not here.",
        table(
            ["exchange", "ccxt id", "tested", "kept", "OCO", "amend", "reduce-only",
             "reports", "order id", "note"],
            rows,
        ),
        "Order ids carry strategy, run, mode epoch and number in every form (host/exchange/ids.py); "
        "the figure is the most characters. Executions are taken from the exchange's own list of them; "
        "messages only say that it is time to look.",
        "## Dead man's switches",
        "Set from the host and refreshed only while it may trade. One that takes stops as well leaves a "
        "position without any; where the exchange's documents do not say, it is taken to do so.",
        table(["exchange", "method", "takes", "range", "delay", "stops too", "note"], switches),
        f"None is known of {', '.join(without)}: there the host alone can cancel.",
        "## Why a connector refuses",
        "The words of every venue ([venues](venues.md)), those of the gate "
        "([refusals](refusals.md)), and",
        table(["reason", "what is wrong"], reasons.REFUSED.items()),
    ])  # fmt: skip


_STOPS = {True: "yes", False: "no", None: "not said"}


def _words(can: Iterable[str]) -> str:
    return " ".join(sorted(can)) or "-"

"""The page about orders, made of this package's tables: docs/orders.md (`python -m host.docs orders`)."""

from collections.abc import Callable, Iterable

from host.execution.alarms import ALARMS
from host.execution.life import ENDED, ROWS, STATES, State
from host.execution.rules import REFUSALS, ROUNDING


def text(table: Callable[[Iterable[str], Iterable[Iterable[object]]], str]) -> str:
    """Return the page in Markdown; `table` makes one of its tables."""
    order_of = {state: number for number, state in enumerate(State)}
    rows = [
        [row.state.name, row.event, row.next.name, row.why, "yes" if row.alarm else ""]
        for row in sorted(ROWS, key=lambda row: order_of[row.state])
    ]
    states = [[state.name, what, "yes" if state in ENDED else ""] for state, what in STATES]
    return "\n\n".join([
        "# Orders",
        "The life of an order is one table. A pair of state and event that is not in it is refused, "
        "counted, and an alarm. Partly filled is no state: how much is filled is a number beside it.",
        "What was executed counts whatever the state: a fill is never refused for coming late or "
        "first, only for being told twice, for another side, or for more than was ever asked for.",
        table(["state", "meaning", "ended"], states),
        "## State and event",
        table(["state", "event", "next", "why, where it surprises", "alarm"], rows),
        "## Rounding",
        "A number is moved by less than one step, and never to our disadvantage.",
        table(["purpose", "what", "direction", "why"], ROUNDING),
        "## Rules",
        "An order that cannot be made valid does not leave; these are the names of the rules.",
        table(["rule", "what it refuses"], REFUSALS),
        "## Alarms",
        "Each is counted, and told at most once a second with how many there were.",
        table(["alarm", "meaning"], ALARMS),
    ])  # fmt: skip

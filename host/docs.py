"""Documents made from the tables of the code: `python -m host.docs [NAME ...]` (see PAGES).

Writes docs/NAME.md; with --check it writes nothing and ends with 1 when a page is not what the code
says, and with 2 on wrong use.
"""

import sys
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from host import config, doctor, modes, outcomes, refusals
from host.exchange import page as exchanges
from host.execution import page as orders
from host.golive import page as page_of_gate
from host.modes import Intent, OnKill, TradingMode
from host.paper import page as paper
from host.venues import page as venues

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOTE = "<!-- Made by `python -m host.docs {name}`: change the table in the code, not this page. -->"


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def modes_page() -> str:
    """Modes, intents, rungs and reasons."""
    permitted = [
        [intent.name, *("yes" if may else "no" for may in modes.MATRIX[intent])]
        for intent in Intent
    ]
    rungs = [
        [rung.name, mode.name, f"{after_s} s" if after_s else "-", what]
        for rung, mode, after_s, what in modes.RUNGS
    ]
    reasons = [
        [reason.name, first.name, last.name if last is not None else "by on_kill", what]
        for reason, first, last, what in modes.LADDER
    ]
    kills = [
        [kill.value, modes.last_rung(modes.Reason.HALT_LINE, kill).name, KILLS[kill]]
        for kill in OnKill
    ]
    return "\n\n".join([
        "# Modes and the graduated emergency",
        "What may leave in which mode. OPEN and REDUCE also need a fresh lease of the guard and HALT "
        "high; LIQUIDATE needs the ladder's token. There is no command for going up.",
        table(["intent", *(mode.name for mode in TradingMode)], permitted),
        "## The rungs",
        "A reason begins at its first rung at once. While it goes on standing it climbs to the next "
        "one after the time given, up to its last. In EMERGENCY the rungs up to the last are worked "
        "off in order, each done when the venue answers so, and HALTED follows. A rung that takes "
        "longer than its deadline raises an alert and is gone on with.",
        table(["rung", "mode", "climbs after", "done when"], rungs),
        "## The reasons",
        table(["reason", "first rung", "last rung", "what happened"], reasons),
        "## More than one reason",
        "An emergency reaches the furthest last rung of its reasons, with the stops taken off where one "
        "of them does that, and never goes back. Those that "
        f"can take it further are {_names(modes.ESCALATE)}: the rest follow from an emergency itself "
        "(it trips the controller, HALT falls, a restarted engine has left) and say nothing new. "
        "The emergency then begins anew under the later reason, with a new epoch, and its mode "
        "record names both. "
        f"One that began at the box ({_names(modes.AT_THE_BOX)}) ends as `on_kill` or the table says "
        "whatever follows: a pressed switch cannot be told from another fall of HALT, a person stands "
        "there and has chosen, and an order that leaves by itself after a press is what the switch is "
        "there to prevent. A switch that is pressed while HALT is low already takes the "
        "emergency of another reason to `on_kill`, as if it had been pressed first; in one that "
        "began at the box, or liquidates, it changes nothing.",
        "## `on_kill`",
        table(["value", "last rung", "what it does"], kills),
        "## A position without a stop",
        "An entry can be filled while nobody is there who would place its stop. Where the emergency "
        "leaves the position and its stops alone, the ladder places the stop that is missing: "
        "reduce-only, `stop_distance_bps` from the price, under the guard's token, once our own "
        "executions are known to make up the position. It does so for "
        f"{_names(r for r in modes.LAST if modes.protects(r, OnKill.CANCEL_ENTRIES))}. "
        "What began at the box is left to the person there, with the alert POSITION_UNPROTECTED; so is "
        "everything under `cancel_all`.",
    ])  # fmt: skip


def _names(reasons: Iterable[modes.Reason]) -> str:
    return ", ".join(f"{reason.name}" for reason in sorted(reasons))


KILLS = {
    OnKill.CANCEL_ENTRIES: "cancels everything but venue-held reduce-only stops, and verifies these",
    OnKill.CANCEL_ALL: "cancels everything, stops too; the position stays",
    OnKill.FLATTEN: "closes the position in bounded slices, then cancels what is left",
}


def refusals_page() -> str:
    """Every code with which an order can be refused."""
    return "\n\n".join([
        "# Refusals",
        "Why an order did not leave: the codes of the gate (below 20) and of the pre-trade checks.",
        table(["code", "name", "meaning"], refusals.REFUSALS),
    ])  # fmt: skip


def outcomes_page() -> str:
    """Every answer of the compiled core."""
    return "\n\n".join([
        "# Outcomes",
        "What pools, queues, seqlocks and decisions answer, and why memory was refused as one of them "
        "(from 40 on). Calls answer with the code and a minus sign.",
        table(["code", "name", "meaning"], outcomes.OUTCOMES),
    ])  # fmt: skip


def configuration_page() -> str:
    """Every section and key of the file."""
    parts = [
        "# Configuration",
        "One TOML file: `bot4 run --config FILE`; without it `host/default.toml`, which is for "
        "paper. An unknown section or key is an error, and so is a value out of range. A rail under "
        '`[limits]` has no default: it is set, or loosened with a reason (`"loosened: why"`).',
    ]
    for section in msgspec.structs.fields(config.Config):
        many = get_origin(section.type) is list
        kind = typing.cast(
            type[msgspec.Struct], get_args(section.type)[0] if many else section.type
        )
        title = f"## [[{section.encode_name}]]" if many else f"## [{section.encode_name}]"
        parts += [title, (kind.__doc__ or "").strip().replace("\n    ", "\n"), _keys(kind)]
    return "\n\n".join(parts)


def doctor_page() -> str:
    """Every check of `bot4 doctor`."""
    rows = [
        [check.name, (check.look.__doc__ or "").strip().rstrip("."), check.todo]
        for check in doctor.TABLE
    ]
    return "\n\n".join([
        "# bot4 doctor",
        "What this machine gives to the halt path and what it does not. `ok`, `warn` (it works, only "
        "less well) or `missing` (trading needs it; exit code 1). A check that cannot run is a "
        "finding as well. `--json` prints the same.",
        table(["finding", "how it is checked", "what to do"], rows),
    ])  # fmt: skip


def ready_page() -> str:
    """Every line of the go-live gate, and what is signed for it."""
    return page_of_gate.page(table)


def _keys(kind: type[msgspec.Struct]) -> str:
    hints = get_type_hints(kind, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(kind):
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        shown = "required" if default is msgspec.NODEFAULT else f"`{_plain(default)}`"
        shown = "-" if default is None else shown
        about = _about(hints[field.name])
        rows.append([f"`{field.name}`", _range(hints[field.name]), shown, about])
    return table(["key", "value", "default", "what"], rows)


def _plain(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _about(hint: Any) -> str:
    """The description nearest to the key."""
    for meta in reversed(getattr(hint, "__metadata__", ())):
        if isinstance(meta, msgspec.Meta) and meta.description:
            return meta.description
    return ""


def _range(hint: Any) -> str:
    """What a value may be, in words."""
    if get_origin(hint) is Annotated:
        base, *metas = get_args(hint)
        bounds = [_bounds(meta) for meta in metas if isinstance(meta, msgspec.Meta)]
        return ", ".join([_range(base), *(bound for bound in bounds if bound)])
    if get_origin(hint) is typing.Literal:
        # Sorted: typing hands out one Literal for all orders of the same words, the first that was made.
        return " or ".join(f"`{value}`" for value in sorted(get_args(hint)))
    if get_origin(hint) is list:
        return f"list of {_range(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        name, value = get_args(hint)
        return f"table of {_range(name)} to {_range(value)}"
    if get_args(hint):
        return " or ".join(_range(part) for part in get_args(hint) if part is not type(None))
    if isinstance(hint, type) and issubclass(hint, OnKill):
        return " or ".join(f"`{value}`" for value in hint)
    return {int: "integer", float: "number", str: "text", bool: "`true` or `false`"}[hint]


def _bounds(meta: msgspec.Meta) -> str:
    words = {"gt": "above", "ge": "from", "lt": "below", "le": "up to"}
    said = [
        f"{word} {getattr(meta, k):g}" for k, word in words.items() if getattr(meta, k) is not None
    ]
    return " ".join(said)


PAGES: dict[str, Callable[[], str]] = {
    "modes": modes_page,
    "refusals": refusals_page,
    "outcomes": outcomes_page,
    "orders": lambda: orders.text(table),
    "configuration": configuration_page,
    "doctor": doctor_page,
    "venues": lambda: venues.text(table),
    "exchanges": lambda: exchanges.text(table),
    "paper": lambda: paper.text(table),
    "ready": ready_page,
}


def page(name: str) -> str:
    """Return the whole page `name`."""
    return f"{NOTE.format(name=name)}\n\n{PAGES[name]()}\n"


def main(arguments: list[str], docs: Path = DOCS) -> int:
    """Write or check pages; return the exit code."""
    check = "--check" in arguments
    names = [word for word in arguments if word != "--check"] or list(PAGES)
    unknown = [name for name in names if name not in PAGES]
    if unknown:
        print(f"docs: no page is called {unknown[0]!r}: {', '.join(PAGES)}", file=sys.stderr)
        return 2
    stale = 0
    for name in names:
        file = docs / f"{name}.md"
        if not check:
            docs.mkdir(exist_ok=True)
            file.write_text(page(name))
        elif not file.is_file() or file.read_text() != page(name):
            print(f"docs: {file} is not what the code says: python -m host.docs {name}")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

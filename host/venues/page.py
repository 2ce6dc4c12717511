"""The page of the venues' protocol, made from the requests, events and tables themselves."""

import types
from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from host.venues import events, messages, reasons
from host.venues.capabilities import CAPABILITIES

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]


def text(table: Table) -> str:
    """Return the page; `table` makes a Markdown table."""
    requests = get_args(messages.Message)
    told = events.Ev.__subclasses__()
    return "\n\n".join([
        "# Venues",
        "Every venue is a process that serves one account at one exchange, on a SEQPACKET Unix socket "
        "with one JSON object a packet: the paper venue (`python -m host.paper`) and the connectors to "
        "exchanges speak the same. The first packet comes from the venue (`welcome`); the first of a "
        "client is `hello`. Quantities, prices and money are decimal strings, never numbers; a request "
        "with an unknown field is refused. `tests/venues` holds every venue to this page.",
        "## Requests",
        table(["op", "fields", "what it asks for"], [_row(one) for one in requests]),
        "## Events",
        "`fill`, `cancelled`, `cancelled_all` and `amended` are about the account and go to every client "
        "that trades; everything else goes to its asker. Each order that a request names is answered "
        "by itself: an OCO by two acks, or two rejects.",
        table(["ev", "fields", "what it says"], [_row(one) for one in told]),
        "## What a venue can",
        "The words of `can` in `rules`. What is not there is refused as NOT_SUPPORTED, and nothing else "
        "is done instead.",
        table(["word", "what the venue promises"], CAPABILITIES.items()),
        "## Why a request is refused",
        table(["reason", "what is wrong"], reasons.REFUSED.items()),
        "## Why an order ended that nobody cancelled",
        table(["reason", "what happened"], reasons.ENDED.items()),
    ])  # fmt: skip


def _row(kind: type[msgspec.Struct]) -> list[str]:
    hints = get_type_hints(kind)
    fields = []
    for field in msgspec.structs.fields(kind):
        told = f"`{field.name}` {_shown(hints[field.name])}"
        fields.append(told if field.required else f"[{told}]")
    first = (kind.__doc__ or "").split("\n\n")[0]
    return [f"`{kind.__struct_config__.tag}`", ", ".join(fields) or "-", " ".join(first.split())]


def _shown(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "/".join(str(value) for value in get_args(hint))
    if get_origin(hint) is types.UnionType:
        return " or ".join(_shown(one) for one in get_args(hint))
    if get_origin(hint) is list:
        return f"list of {_shown(get_args(hint)[0])}"
    names = {str: "text", int: "integer", bool: "true/false", type(None): "null"}
    return names.get(hint) or str(hint.__name__)

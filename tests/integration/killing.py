"""A host whose processes are killed at any moment, judged by what the venue has written down.

doubled    an entry was accepted while another one was open, or an id twice
forgotten  an entry was accepted while an order of an earlier run that could open was still open,
           or what the engine says at the end is not what the venue has
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec

from host.engine import provenance

# How old the venue's answer may be on which an engine says something.
ANSWER_NS = 100_000_000


@dataclass
class Account:
    """The venue's account as its record tells it, line by line; `wrong` is what should not be."""

    open: dict[str, dict[str, Any]] = field(default_factory=dict)
    position: D = D(0)
    accepted: set[str] = field(default_factory=set)
    entries: int = 0
    asked: int = 0
    wrong: list[str] = field(default_factory=list)

    def take(self, line: dict[str, Any]) -> None:
        """Take one line."""
        if line["kind"] == "fill":
            self.position += D(line["qty"]) * (1 if line["side"] == "buy" else -1)
            if D(line["left"]) == 0:
                self.open.pop(line["id"], None)
        elif line["kind"] == "cancelled":
            self.open.pop(line["id"], None)
        elif line["kind"] == "packet" and line["outcome"] == "accepted":
            self._packet(line["msg"])

    def stops(self) -> list[str]:
        """Return the open orders that are reduce-only stops."""
        return [name for name, order in self.open.items() if order["stop"] and order["reduce_only"]]

    def _packet(self, message: dict[str, Any]) -> None:
        op = message["op"]
        if op == "new":
            self._new(message)
        elif op == "amend" and message["id"] in self.open:
            self.open[message["id"]] |= {k: v for k, v in message.items() if v is not None}
        elif op == "cancel":
            self.open.pop(message["id"], None)
        elif op == "cancel_all":
            self.open.clear()
        self.asked += op == "order"

    def _new(self, message: dict[str, Any]) -> None:
        name = message["id"]
        if name in self.accepted:
            self.wrong.append(f"doubled: {name} was accepted twice")
        if message["intent"] == "OPEN":
            self.entries += 1
            others = [other for other, order in self.open.items() if order["intent"] == "OPEN"]
            if others:
                self.wrong.append(f"doubled: {name} while {others} was open")
            old = [
                other for other in self.open if earlier(other, name) and may_open(self.open[other])
            ]
            if old:
                self.wrong.append(f"forgotten: {name} while {old} of an earlier run was open")
        self.accepted.add(name)
        self.open[name] = {"stop": None, "reduce_only": False, **message}


def unconfirmed(record: Path, claims: list[tuple[int, D, int]]) -> list[str]:
    """Return what an engine has said that the venue's record does not bear out.

    claims -- (ns, position, number of stops) as it said them, oldest first: nothing else is open then
    """
    found, wrong, states = Account(), [], [(0, D(0), 0, 0)]
    rest = list(claims)
    for line in lines(record):
        now_ns = line["read_ns"] if "read_ns" in line else line["mono_ns"]
        while rest and now_ns > rest[0][0]:
            wrong += _judge(rest.pop(0), states)
        found.take(line)
        states.append((now_ns, found.position, len(found.open), len(found.stops())))
    for claim in rest:
        wrong += _judge(claim, states)
    return wrong


def _judge(claim: tuple[int, D, int], states: list[tuple[int, D, int, int]]) -> list[str]:
    at_ns, position, stops = claim
    begun = max(n for n, state in enumerate(states) if state[0] <= at_ns - ANSWER_NS or n == 0)
    held = states[begun:]
    del states[:begun]  # claims come by age
    if (position, stops, stops) in [state[1:] for state in held]:
        return []
    return [f"{position:f} under {stops} stops, and the venue had {held[-1][1:]}"]


def may_open(order: dict[str, Any]) -> bool:
    """Return True for an order that is not reduce-only."""
    return not order["reduce_only"]


def earlier(name: str, than: str) -> bool:
    """Return True for an order of an earlier run."""
    made, later = provenance.read(name), provenance.read(than)
    return made is not None and later is not None and made.run < later.run


def lines(record: Path) -> Iterator[dict[str, Any]]:
    """Return the complete lines of a venue's record."""
    for line in record.read_bytes().split(b"\n")[:-1]:
        yield msgspec.json.decode(line)


def account(record: Iterable[dict[str, Any]]) -> Account:
    """Follow a whole record."""
    found = Account()
    for line in record:
        found.take(line)
    return found

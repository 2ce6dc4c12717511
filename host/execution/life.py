"""The life of an order: one table, state x event -> state.

`partly filled` is no state: how much is filled is a number, and an order that has some of it can be
open, being amended or being cancelled like any other. What is not in the table is refused.
"""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where an order is: see STATES."""

    NEW = "new"
    SENT = "sent"
    UNKNOWN = "unknown"
    OPEN = "open"
    AMENDING = "amending"
    CANCELLING = "cancelling"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    UNSENT = "unsent"


STATES = (
    (State.NEW, "made, not sent"),
    (State.SENT, "on its way, no answer yet"),
    (State.UNKNOWN, "nobody knows what became of it: the venue is asked"),
    (State.OPEN, "the venue has it"),
    (State.AMENDING, "the venue has it, and a change is on its way"),
    (State.CANCELLING, "the venue has it, and a cancel is on its way"),
    (State.FILLED, "all of it was executed"),
    (State.CANCELLED, "gone; what was executed of it counts"),
    (State.REJECTED, "refused by the venue, or it never arrived"),
    (State.UNSENT, "refused on this side of the socket"),
)


class Event(StrEnum):
    """What happens to it."""

    SEND = "we send it"
    REFUSE = "rule or gate refuses it"
    LOSE = "its outcome is lost"
    CANCEL = "we ask to cancel"
    AMEND = "we ask to amend"
    ACK = "accepted"
    PART = "filled in part"
    FULL = "filled, nothing left"
    REJECT = "rejected, nothing filled"
    REJECT_REST = "rejected, some filled"
    CANCELLED = "cancelled"
    CANCEL_REJECT = "cancel rejected"
    AMENDED = "amended, some left"
    AMENDED_DONE = "amended, nothing left"
    AMEND_REJECT = "amend rejected"
    MISSING = "no such open order"
    DUPLICATE = "its id is taken"
    FOUND = "asked: it is open"
    TOLD_FILLED = "asked: filled, fills missing"
    ABSENT = "asked: never heard of it"


class Row(NamedTuple):
    """One entry. `why` names a row that surprises; `alarm` wants a person as well."""

    state: State
    event: Event
    next: State
    why: str = ""
    alarm: bool = False


S, E = State, Event
ENDED = frozenset({S.FILLED, S.CANCELLED, S.REJECTED, S.UNSENT})
# At the venue for certain, and nothing under way that may take it off.
STANDING = frozenset({S.OPEN, S.AMENDING})

_EARLY = "an answer before our own note of the send"
_FILL_FIRST = "fill before acknowledgement"
_OUT_OF_ORDER = "a report that comes late or twice"
_CROSSED = "cancel and fill cross"
_AMEND_CROSSED = "amend and fill cross"
_RACE = "amend and cancel race"
_ASK = "unknown outcome"
_ARRIVED = "it has arrived; whether it is still open is asked"
_BACK = "a rejected order lives: the rejection, or our question, was overtaken"
_LEFT_AFTER_ALL = "the gate said it did not leave, and the venue knows it"
_GONE = "gone, and not by our cancel: a fill or an end is on its way"
_GREW = "an amend upwards crosses the last fill: it lives on"
_LATE_NOTE = "our note of the send comes after the answer"
_DENIES = "the venue had accepted it and denies it now"

ROWS = (
    Row(S.NEW, E.SEND, S.SENT),
    Row(S.NEW, E.REFUSE, S.UNSENT),
    Row(S.NEW, E.LOSE, S.UNKNOWN, "restart between intent and send"),
    Row(S.NEW, E.ACK, S.OPEN, _EARLY),
    Row(S.NEW, E.PART, S.OPEN, _EARLY),
    Row(S.NEW, E.FULL, S.FILLED, _EARLY),
    Row(S.NEW, E.REJECT, S.REJECTED, _EARLY),
    Row(S.NEW, E.CANCELLED, S.CANCELLED, _EARLY),
    Row(S.NEW, E.DUPLICATE, S.UNKNOWN, _EARLY),
    Row(S.NEW, E.FOUND, S.OPEN, _EARLY),
    Row(S.NEW, E.TOLD_FILLED, S.UNKNOWN, _EARLY),
    Row(S.SENT, E.LOSE, S.UNKNOWN, _ASK),
    Row(S.SENT, E.CANCEL, S.CANCELLING, "cancel before acknowledgement"),
    Row(S.SENT, E.ACK, S.OPEN),
    Row(S.SENT, E.PART, S.OPEN, _FILL_FIRST),
    Row(S.SENT, E.FULL, S.FILLED, _FILL_FIRST),
    Row(S.SENT, E.REJECT, S.REJECTED),
    Row(S.SENT, E.CANCELLED, S.CANCELLED, "cancelled before acknowledgement (immediate or cancel)"),
    Row(S.SENT, E.AMENDED, S.OPEN, _OUT_OF_ORDER),
    Row(S.SENT, E.DUPLICATE, S.UNKNOWN, "sent twice: the first has arrived"),
    Row(S.SENT, E.FOUND, S.OPEN, _OUT_OF_ORDER),
    Row(S.SENT, E.TOLD_FILLED, S.UNKNOWN, "filled before acknowledgement, executions missing"),
    Row(S.SENT, E.ABSENT, S.SENT, "the question was faster than the order"),
    Row(S.UNKNOWN, E.SEND, S.UNKNOWN, "sent again under the same id"),
    Row(S.UNKNOWN, E.LOSE, S.UNKNOWN, _ASK),
    Row(S.UNKNOWN, E.CANCEL, S.CANCELLING, "cancelled without knowing whether it is there"),
    Row(S.UNKNOWN, E.ACK, S.UNKNOWN, _ARRIVED),
    Row(S.UNKNOWN, E.PART, S.UNKNOWN, _ARRIVED),
    Row(S.UNKNOWN, E.FULL, S.FILLED, _ASK),
    Row(S.UNKNOWN, E.REJECT, S.REJECTED, _ASK),
    Row(S.UNKNOWN, E.REJECT_REST, S.CANCELLED, "reject after partial"),
    Row(S.UNKNOWN, E.CANCELLED, S.CANCELLED, _ASK),
    Row(S.UNKNOWN, E.CANCEL_REJECT, S.UNKNOWN, _ASK),
    Row(S.UNKNOWN, E.AMENDED, S.UNKNOWN, _ARRIVED),
    Row(S.UNKNOWN, E.AMENDED_DONE, S.FILLED, _ASK),
    Row(S.UNKNOWN, E.AMEND_REJECT, S.UNKNOWN, _ASK),
    Row(S.UNKNOWN, E.MISSING, S.UNKNOWN, _GONE),
    Row(S.UNKNOWN, E.DUPLICATE, S.UNKNOWN, "sent again: the first has arrived"),
    Row(S.UNKNOWN, E.FOUND, S.OPEN, _ASK),
    Row(S.UNKNOWN, E.TOLD_FILLED, S.UNKNOWN, "only its executions end it"),
    Row(S.UNKNOWN, E.ABSENT, S.REJECTED, "it never arrived"),
    Row(S.OPEN, E.SEND, S.OPEN, _LATE_NOTE),
    Row(S.OPEN, E.LOSE, S.UNKNOWN, _ASK),
    Row(S.OPEN, E.CANCEL, S.CANCELLING),
    Row(S.OPEN, E.AMEND, S.AMENDING),
    Row(S.OPEN, E.ACK, S.OPEN, _OUT_OF_ORDER),
    Row(S.OPEN, E.PART, S.OPEN),
    Row(S.OPEN, E.FULL, S.FILLED),
    Row(S.OPEN, E.REJECT, S.REJECTED, "accepted, then rejected (margin, post-only)"),
    Row(S.OPEN, E.REJECT_REST, S.CANCELLED, "reject after partial"),
    Row(S.OPEN, E.CANCELLED, S.CANCELLED),
    Row(S.OPEN, E.CANCEL_REJECT, S.OPEN, _OUT_OF_ORDER),
    Row(S.OPEN, E.AMENDED, S.OPEN, "the venue shrinks a sibling, or an answer is late"),
    Row(S.OPEN, E.AMENDED_DONE, S.FILLED, "shrunk to what is filled"),
    Row(S.OPEN, E.AMEND_REJECT, S.OPEN, _OUT_OF_ORDER),
    Row(S.OPEN, E.MISSING, S.UNKNOWN, _GONE),
    Row(S.OPEN, E.DUPLICATE, S.OPEN, "sent twice: the first counts"),
    Row(S.OPEN, E.FOUND, S.OPEN),
    Row(S.OPEN, E.TOLD_FILLED, S.UNKNOWN, "filled, executions missing"),
    Row(S.OPEN, E.ABSENT, S.UNKNOWN, _DENIES, alarm=True),
    Row(S.AMENDING, E.LOSE, S.UNKNOWN, _ASK),
    Row(S.AMENDING, E.CANCEL, S.CANCELLING, _RACE),
    Row(S.AMENDING, E.ACK, S.AMENDING, _OUT_OF_ORDER),
    Row(S.AMENDING, E.PART, S.AMENDING, _AMEND_CROSSED),
    Row(S.AMENDING, E.FULL, S.FILLED, _AMEND_CROSSED),
    Row(S.AMENDING, E.REJECT, S.REJECTED, _OUT_OF_ORDER),
    Row(S.AMENDING, E.REJECT_REST, S.CANCELLED, "reject after partial"),
    Row(S.AMENDING, E.CANCELLED, S.CANCELLED, _RACE),
    Row(S.AMENDING, E.CANCEL_REJECT, S.AMENDING, _RACE),
    Row(S.AMENDING, E.AMENDED, S.OPEN),
    Row(S.AMENDING, E.AMENDED_DONE, S.FILLED, _AMEND_CROSSED),
    Row(S.AMENDING, E.AMEND_REJECT, S.OPEN),
    Row(S.AMENDING, E.MISSING, S.UNKNOWN, _GONE),
    Row(S.AMENDING, E.DUPLICATE, S.AMENDING, _OUT_OF_ORDER),
    Row(S.AMENDING, E.FOUND, S.AMENDING),
    Row(S.AMENDING, E.TOLD_FILLED, S.UNKNOWN, "filled, executions missing"),
    Row(S.AMENDING, E.ABSENT, S.UNKNOWN, _DENIES, alarm=True),
    Row(S.CANCELLING, E.SEND, S.CANCELLING, _LATE_NOTE),
    Row(S.CANCELLING, E.LOSE, S.UNKNOWN, _ASK),
    Row(S.CANCELLING, E.CANCEL, S.CANCELLING, "asked again: a cancel may be repeated"),
    Row(S.CANCELLING, E.ACK, S.CANCELLING, "cancel before acknowledgement"),
    Row(S.CANCELLING, E.PART, S.CANCELLING, _CROSSED),
    Row(S.CANCELLING, E.FULL, S.FILLED, _CROSSED),
    Row(S.CANCELLING, E.REJECT, S.REJECTED, "cancel before the rejection"),
    Row(S.CANCELLING, E.REJECT_REST, S.CANCELLED, "reject after partial"),
    Row(S.CANCELLING, E.CANCELLED, S.CANCELLED),
    Row(S.CANCELLING, E.CANCEL_REJECT, S.OPEN),
    Row(S.CANCELLING, E.AMENDED, S.CANCELLING, _RACE),
    Row(S.CANCELLING, E.AMENDED_DONE, S.FILLED, _RACE),
    Row(S.CANCELLING, E.AMEND_REJECT, S.CANCELLING, _RACE),
    Row(S.CANCELLING, E.MISSING, S.UNKNOWN, _GONE),
    Row(S.CANCELLING, E.DUPLICATE, S.CANCELLING, _OUT_OF_ORDER),
    Row(S.CANCELLING, E.FOUND, S.CANCELLING),
    Row(S.CANCELLING, E.TOLD_FILLED, S.UNKNOWN, "filled, executions missing"),
    Row(S.CANCELLING, E.ABSENT, S.UNKNOWN, _DENIES, alarm=True),
    Row(S.FILLED, E.SEND, S.FILLED, _LATE_NOTE),
    Row(S.FILLED, E.LOSE, S.FILLED, "the fill has said what became of it"),
    Row(S.FILLED, E.ACK, S.FILLED, _FILL_FIRST),
    Row(S.FILLED, E.PART, S.OPEN, _GREW),
    Row(S.FILLED, E.FULL, S.FILLED, _GREW),
    Row(S.FILLED, E.CANCELLED, S.FILLED, "the venue reports an end twice, in both words"),
    Row(S.FILLED, E.CANCEL_REJECT, S.FILLED, _CROSSED),
    Row(S.FILLED, E.AMENDED, S.OPEN, _GREW),
    Row(S.FILLED, E.AMENDED_DONE, S.FILLED, _AMEND_CROSSED),
    Row(S.FILLED, E.AMEND_REJECT, S.FILLED, _AMEND_CROSSED),
    Row(S.FILLED, E.MISSING, S.FILLED, _CROSSED),
    Row(S.FILLED, E.DUPLICATE, S.FILLED, _OUT_OF_ORDER),
    Row(S.FILLED, E.FOUND, S.FILLED, "listed before it was filled"),
    Row(S.FILLED, E.TOLD_FILLED, S.FILLED),
    Row(S.FILLED, E.ABSENT, S.FILLED, "the venue forgets what has ended"),
    Row(S.CANCELLED, E.SEND, S.CANCELLED, _LATE_NOTE),
    Row(S.CANCELLED, E.LOSE, S.CANCELLED, "the end has said what became of it"),
    Row(S.CANCELLED, E.ACK, S.CANCELLED, _OUT_OF_ORDER),
    Row(S.CANCELLED, E.PART, S.CANCELLED, "cancelled -> filled: the fill came first, and counts"),
    Row(S.CANCELLED, E.FULL, S.FILLED, "cancelled -> filled: the fills came first, and count"),
    Row(S.CANCELLED, E.REJECT, S.CANCELLED, "the venue reports an end twice, in both words"),
    Row(S.CANCELLED, E.REJECT_REST, S.CANCELLED, "the venue reports an end twice, in both words"),
    Row(S.CANCELLED, E.CANCELLED, S.CANCELLED, _OUT_OF_ORDER),
    Row(S.CANCELLED, E.CANCEL_REJECT, S.CANCELLED, _OUT_OF_ORDER),
    Row(S.CANCELLED, E.AMENDED, S.CANCELLED, _RACE),
    Row(S.CANCELLED, E.AMENDED_DONE, S.CANCELLED, _RACE),
    Row(S.CANCELLED, E.AMEND_REJECT, S.CANCELLED, _RACE),
    Row(S.CANCELLED, E.MISSING, S.CANCELLED, "cancelled twice"),
    Row(S.CANCELLED, E.DUPLICATE, S.CANCELLED, _OUT_OF_ORDER),
    Row(S.CANCELLED, E.FOUND, S.UNKNOWN, "listed before it was cancelled, or it is back: asked"),
    Row(S.CANCELLED, E.TOLD_FILLED, S.UNKNOWN, "cancelled -> filled, executions missing"),
    Row(S.CANCELLED, E.ABSENT, S.CANCELLED, "the venue forgets what has ended"),
    Row(S.REJECTED, E.SEND, S.REJECTED, _LATE_NOTE),
    Row(S.REJECTED, E.LOSE, S.REJECTED, "the rejection has said what became of it"),
    Row(S.REJECTED, E.ACK, S.UNKNOWN, _BACK, alarm=True),
    Row(S.REJECTED, E.PART, S.UNKNOWN, _BACK, alarm=True),
    Row(S.REJECTED, E.FULL, S.FILLED, _BACK, alarm=True),
    Row(S.REJECTED, E.REJECT, S.REJECTED, _OUT_OF_ORDER),
    Row(S.REJECTED, E.CANCELLED, S.REJECTED, "the venue reports an end twice, in both words"),
    Row(S.REJECTED, E.CANCEL_REJECT, S.REJECTED, _OUT_OF_ORDER),
    Row(S.REJECTED, E.AMENDED, S.UNKNOWN, _BACK, alarm=True),
    Row(S.REJECTED, E.AMEND_REJECT, S.REJECTED, _OUT_OF_ORDER),
    Row(S.REJECTED, E.MISSING, S.REJECTED, _OUT_OF_ORDER),
    Row(S.REJECTED, E.DUPLICATE, S.UNKNOWN, _BACK, alarm=True),
    Row(S.REJECTED, E.FOUND, S.UNKNOWN, _BACK, alarm=True),
    Row(S.REJECTED, E.TOLD_FILLED, S.UNKNOWN, _BACK, alarm=True),
    Row(S.REJECTED, E.ABSENT, S.REJECTED),
    Row(S.UNSENT, E.LOSE, S.UNKNOWN, _LEFT_AFTER_ALL, alarm=True),
    Row(S.UNSENT, E.ACK, S.UNKNOWN, _LEFT_AFTER_ALL, alarm=True),
    Row(S.UNSENT, E.PART, S.UNKNOWN, _LEFT_AFTER_ALL, alarm=True),
    Row(S.UNSENT, E.FULL, S.FILLED, _LEFT_AFTER_ALL, alarm=True),
    Row(S.UNSENT, E.REJECT, S.REJECTED, _LEFT_AFTER_ALL, alarm=True),
    Row(S.UNSENT, E.CANCELLED, S.CANCELLED, _LEFT_AFTER_ALL, alarm=True),
    Row(S.UNSENT, E.DUPLICATE, S.UNKNOWN, _LEFT_AFTER_ALL, alarm=True),
    Row(S.UNSENT, E.FOUND, S.UNKNOWN, _LEFT_AFTER_ALL, alarm=True),
    Row(S.UNSENT, E.TOLD_FILLED, S.UNKNOWN, _LEFT_AFTER_ALL, alarm=True),
    Row(S.UNSENT, E.ABSENT, S.UNSENT),
)  # fmt: skip

TABLE = {(row.state, row.event): row for row in ROWS}

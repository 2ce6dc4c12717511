"""How each line is judged: from evidence to what was found, and to why it is open, if it is.

A judge returns a Finding; its `reason` is empty when the line holds. Fields of a signed result are read
as what the auditor signed, and a field that is missing or of another type raises (KeyError, TypeError,
ValueError): `gate` turns that into an open line.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from host.golive.evidence import Evidence
from host.golive.signed import Piece
from host.ledger.paper import DAY_S, NS

# A miss that somebody accepts is accepted for so long.
ACCEPTED_DAYS = 30.0


@dataclass
class Finding:
    """What was found. age_s -- of the evidence; None where it was looked up now, or there is none"""

    found: str
    reason: str = ""
    age_s: float | None = None
    evidence: list[dict[str, str]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


def missing(kind: str, known: Evidence) -> Finding:
    """Nothing of this kind is there."""
    refused = f"; refused: {known.refused[0]}" if known.refused else ""
    return Finding("-", f"no signed result of kind {kind!r}{refused}")


def told(
    piece: Piece, known: Evidence, found: str, reasons: Sequence[str], **figures: Any
) -> Finding:
    """Build the finding of one signed result; the first reason counts."""
    age_s = (known.now_ns - piece.envelope.measured_ns) / NS
    why = next((reason for reason in reasons if reason), "")
    return Finding(found, why, age_s, [{"file": piece.file, "sha256": piece.digest}], figures)


def other_software(piece: Piece, known: Evidence, what: str) -> str:
    """Return why a result is of other sources than those that trade here."""
    ours, theirs = known.machine.software[what], piece.envelope.software.get(what)
    return "" if ours == theirs else f"of other {what} sources: {theirs}, here are {ours}"


def not_production(profile: str) -> str:
    """Return why a profile of times is not production's, or nothing."""
    return "" if profile == "production" else f"profile {profile}: not production's times"


def acceptance(known: Evidence, target: str) -> Piece | None:
    """Return the newest acceptance of a miss that is not too old."""
    piece = known.newest("acceptance", target)
    oldest_ns = known.now_ns - round(ACCEPTED_DAYS * DAY_S * NS)
    return piece if piece is not None and piece.envelope.signed_ns >= oldest_ns else None


def number(value: Any) -> float:
    """Return a finite number. Raises TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)

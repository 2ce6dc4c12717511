"""What the model may say, and what is kept of it. Everything else it says is dropped and counted."""

import math
from typing import Any

import msgspec

MOST_REASONS, MOST_REASON_CHARS = 3, 120
MOST_HORIZON_MINUTES = 7 * 24 * 60
# Tokens that one opinion takes at most, and usually; the rest of an answer takes FRAME of them.
MOST_TOKENS, USUAL_TOKENS, FRAME_OF_ANSWER = 120, 60, 40

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "opinions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "symbol": {"type": "string"},
                    "sentiment": {"type": "number", "minimum": -1, "maximum": 1},
                    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
                    "horizon_minutes": {"type": "integer", "minimum": 1},
                    "reasons": {
                        "type": "array",
                        "items": {"type": "string"},
                        "maxItems": MOST_REASONS,
                    },
                },
                "required": ["symbol", "sentiment", "confidence", "horizon_minutes", "reasons"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["opinions"],
    "additionalProperties": False,
}


class Opinion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One opinion on one symbol; `made_s` in unix seconds of the API's clock.

    failed -- nothing usable was said: neutral, and kept a short time so that it is not asked at once
    """

    made_s: int
    sentiment: float = 0.0
    confidence: float = 0.0
    horizon_minutes: int = 0
    reasons: tuple[str, ...] = ()
    failed: bool = False


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    symbol: str
    sentiment: float
    confidence: float
    horizon_minutes: float
    reasons: list[str]


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    opinions: list[msgspec.Raw]


class Malformed(ValueError):
    """The answer as a whole cannot be used."""


def parse(content: str, asked: list[str], made_s: int) -> tuple[dict[str, Opinion], int]:
    """Return the usable opinions on what was asked, and how many entries were dropped.

    Numbers out of range are clamped. An entry on another symbol, a second one on the same (neither
    counts then), or one of another shape is dropped. Raises Malformed.
    """
    try:
        answer = msgspec.json.decode(content.encode(errors="replace"), type=_Answer)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("the answer is not of the agreed form") from None
    found: dict[str, Opinion] = {}
    twice: set[str] = set()
    dropped = 0
    for raw in answer.opinions:
        try:
            said = msgspec.json.decode(raw, type=_Said)
        except (msgspec.DecodeError, RecursionError):
            dropped += 1
            continue
        if said.symbol in found:
            twice.add(said.symbol)
        opinion = _clamped(said, made_s)
        if opinion is None or said.symbol not in asked:
            dropped += 1
            continue
        found[said.symbol] = opinion
    for symbol in twice:
        del found[symbol]
    return found, dropped + 2 * len(twice)


def stored(text: bytes | str) -> Opinion | None:
    """Return an opinion out of a cache; None when it is none, whoever wrote it there."""
    try:
        kept = msgspec.json.decode(text, type=Opinion)
    except (msgspec.DecodeError, RecursionError):
        return None
    said = _Said("", kept.sentiment, kept.confidence, kept.horizon_minutes, list(kept.reasons))
    checked = _clamped(said, kept.made_s)
    return kept if kept.failed else checked


def _clamped(said: _Said, made_s: int) -> Opinion | None:
    numbers = (said.sentiment, said.confidence, said.horizon_minutes)
    if not all(math.isfinite(number) for number in numbers):
        return None
    return Opinion(
        made_s,
        max(-1.0, min(1.0, said.sentiment)),
        max(0.0, min(1.0, said.confidence)),
        int(max(1, min(MOST_HORIZON_MINUTES, said.horizon_minutes))),
        tuple(plain(reason, MOST_REASON_CHARS) for reason in said.reasons[:MOST_REASONS]),
    )


def plain(text: str, most_chars: int) -> str:
    """Return text that is safe on a terminal and in a prompt: printable, one line, cut."""
    kept = "".join(char if char.isprintable() else " " for char in text[: 4 * most_chars])
    return " ".join(kept.split())[:most_chars]

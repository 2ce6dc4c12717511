"""Headlines and market context out of RSS, Atom and JSON. All of it is hostile input.

JSON: a JSON Feed (`items`), or a plain list. An item has a `title` (or `text`), perhaps `summary`,
`date_published`, `symbols` (a list of names; without it the words of the configuration decide) and
`kind`: "headline" or "context".
"""

import datetime
import email.utils
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import defusedxml
import msgspec
from defusedxml import ElementTree

from host.enrich.opinion import plain

MOST_ITEMS = 200
MOST_TITLE_CHARS = 400
ATOM = "{http://www.w3.org/2005/Atom}"


class BadFeed(ValueError):
    """What a source gave cannot be read as a feed."""


@dataclass(frozen=True)
class Item:
    """One headline, or one line of market context; `at_s` is 0 where the feed gives no time."""

    text: str
    at_s: float = 0.0
    symbols: tuple[str, ...] = ()
    context: bool = False


class _JsonItem(msgspec.Struct):
    title: str = ""
    text: str = ""
    summary: str = ""
    date_published: str = ""
    symbols: list[str] = []
    kind: str = "headline"


class _JsonFeed(msgspec.Struct):
    items: list[_JsonItem]


def parse(data: bytes) -> list[Item]:
    """Return the items of a feed, at most MOST_ITEMS. Raises BadFeed."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        found = _xml(data) if start == b"<" else _json(data)
    except (
        ElementTree.ParseError,
        defusedxml.DefusedXmlException,
        msgspec.DecodeError,
        ValueError,
        LookupError,
        RecursionError,
    ) as error:
        raise BadFeed(f"no feed: {type(error).__name__}") from None
    return [item for item in found if item.text][:MOST_ITEMS]


def _json(data: bytes) -> list[Item]:
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        items = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=list[_JsonItem])
    else:
        items = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_JsonFeed).items
    return [
        Item(
            plain(item.title or item.text or item.summary, MOST_TITLE_CHARS),
            _time(item.date_published),
            tuple(item.symbols[:64]),
            item.kind == "context",
        )
        for item in items[:MOST_ITEMS]
    ]


def _xml(data: bytes) -> list[Item]:
    root = ElementTree.fromstring(data, forbid_dtd=True)
    found = [
        Item(
            plain(entry.findtext("title") or "", MOST_TITLE_CHARS), _time(entry.findtext("pubDate"))
        )
        for entry in list(root.iter("item"))[:MOST_ITEMS]
    ]
    for entry in list(root.iter(f"{ATOM}entry"))[:MOST_ITEMS]:
        when = entry.findtext(f"{ATOM}published") or entry.findtext(f"{ATOM}updated")
        title = entry.findtext(f"{ATOM}title") or ""
        found.append(Item(plain(title, MOST_TITLE_CHARS), _time(when)))
    if root.tag not in ("rss", f"{ATOM}feed") and not found:
        raise BadFeed("neither RSS nor Atom")
    return found


def _time(text: str | None) -> float:
    """Return unix seconds of an RFC 3339 or RFC 822 time, or 0."""
    text = (text or "").strip()[:64]
    for read in (datetime.datetime.fromisoformat, email.utils.parsedate_to_datetime):
        try:
            found = read(text)
            return found.timestamp() if found.tzinfo is not None else 0.0
        except (ValueError, TypeError, OverflowError):
            continue
    return 0.0


class Matcher:
    """Says which symbols an item is about."""

    def __init__(self, symbols: Mapping[str, Sequence[str]]) -> None:
        self._patterns = {
            symbol: re.compile(
                r"(?<!\w)(?:"
                + "|".join(re.escape(w.strip()) for w in (symbol, *words))
                + r")(?!\w)",
                re.IGNORECASE,
            )
            for symbol, words in symbols.items()
        }

    def sort(self, items: Sequence[Item]) -> dict[str, tuple[list[str], list[str]]]:
        """Return symbol -> (headlines, context), newest first, each text once."""
        found: dict[str, tuple[list[str], list[str]]] = {s: ([], []) for s in self._patterns}
        for item in sorted(items, key=lambda item: -item.at_s):
            for symbol, pattern in self._patterns.items():
                about = symbol in item.symbols if item.symbols else pattern.search(item.text)
                texts = found[symbol][item.context]
                if about and item.text not in texts:
                    texts.append(item.text)
        return found

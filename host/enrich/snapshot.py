"""The first tier: the page that the engine reads. Imports nothing that only the enricher needs."""

import time
import zlib
from collections.abc import Mapping, Sequence

from host import layout, shm
from host.enrich.opinion import Opinion
from host.hotpath.opinion import OpinionReader
from host.hotpath.seqlock import Seqlock

NS = 1_000_000_000


def digest(symbols: Sequence[str]) -> int:
    """Return what a page says of the symbols that it speaks of, in their order."""
    return zlib.crc32("\n".join(sorted(symbols)).encode()) | 1 << 32


def place(symbols: Sequence[str], symbol: str) -> int:
    """Return the first word of a symbol's opinion. Raises ValueError for one that is not among them."""
    at = sorted(symbols).index(symbol)
    return layout.ENRICHER_FIRST_WORD + at * layout.ENRICHER_SLOT_WORDS


def reader(
    page: shm.Page, symbols: Sequence[str], symbol: str, most_cut: float, ttl_s: int
) -> OpinionReader:
    """Return the reader of one symbol. Raises shm.PageError for a page of other symbols."""
    if page.words.load(layout.ENRICHER_SYMBOLS) != digest(symbols):
        raise shm.PageError("the enricher's page speaks of other symbols")
    return OpinionReader(page.words, place(symbols, symbol), most_cut, ttl_s * NS)


class Snapshot:
    """The enricher's own page, and what was published last."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.page = shm.create(layout.KIND_ENRICHER, "enricher")
        count = len(layout.OPINION_FIELDS)
        self._seqlocks = {s: Seqlock(self.page.words, place(symbols, s), count) for s in symbols}
        self.shown: dict[str, Opinion] = {}
        self.page.words.store(layout.ENRICHER_SYMBOLS, digest(symbols))

    def publish(self, opinions: Mapping[str, Opinion], now_s: int, now_ns: int = 0) -> None:
        """Show opinions with the age that they have; a failed one changes nothing, it only ages."""
        now_ns = now_ns or time.monotonic_ns()
        for symbol, opinion in opinions.items():
            shown = self.shown.get(symbol)
            if opinion.failed or (shown is not None and shown.made_s > opinion.made_s):
                continue
            made_ns = now_ns - max(0, now_s - opinion.made_s) * NS
            if made_ns > 0:
                self._seqlocks[symbol].publish((opinion.sentiment, opinion.confidence), made_ns)
                self.shown[symbol] = opinion

    def withdraw(self) -> None:
        """Make every opinion neutral at once."""
        for seqlock in self._seqlocks.values():
            seqlock.publish((0.0, 0.0))
        self.shown.clear()

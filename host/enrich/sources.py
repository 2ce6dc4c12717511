"""Fetching the sources, all at once; one that fails is counted and leaves the others alone."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx2

from host.enrich import http
from host.enrich.feeds import BadFeed, Item, parse

DEADLINE_S = 10.0
# A source that fails keeps what it gave last for so many periods.
KEPT_PERIODS = 3


class Sources:
    """Addresses and files. count(name) -- counts one event."""

    def __init__(self, sources: Sequence[str], count: Callable[[str], None]) -> None:
        self._http = http.client(DEADLINE_S)
        self._sources = sources
        self._count = count
        self._last: dict[str, tuple[int, list[Item]]] = {}
        self._round = 0

    async def collect(self) -> list[Item]:
        """Return all items of all sources."""
        self._round += 1
        await asyncio.gather(*map(self._update, self._sources))
        return [
            item
            for taken, items in self._last.values()
            if self._round - taken < KEPT_PERIODS
            for item in items
        ]

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _update(self, source: str) -> None:
        try:
            async with asyncio.timeout(DEADLINE_S):
                if "://" in source:
                    data = await self._fetch(source)
                else:
                    data = await asyncio.to_thread(_read, Path(source).expanduser())
            self._last[source] = (self._round, parse(data))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, BadFeed, UnicodeError):
            self._count("source_failed")

    async def _fetch(self, address: str) -> bytes:
        response = await self._http.get(address)
        response.raise_for_status()
        if response.is_redirect:
            raise BadFeed("a redirection: put the address that it leads to into the file")
        return response.content


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise BadFeed("no file")
    with path.open("rb") as file:
        data = file.read(http.MOST_BYTES + 1)
    if len(data) > http.MOST_BYTES:
        raise BadFeed("too large")
    return data

"""The web process: five addresses, fed by the pipe alone.

/            the page, complete as it stands, also without scripts
/events      server-sent events: the panels that have changed, and a tick every second
/metrics     for Prometheus (host.dashboard.metrics)
/page.css, /page.js
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator
from html import escape
from importlib.resources import files

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from host.dashboard import metrics, panels
from host.dashboard.view import View

TICK_S = 1.0
# s. The reader sends four times a second; one that is silent for so long shows nothing of now.
SILENT_S = 3.0
MOST_STREAMS = 32
LINE_BYTES = 8 << 20
TEXT = "text/plain; charset=utf-8"
STREAM = {"content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no"}


class Hub:
    """The last view, and who waits for the next one."""

    def __init__(self) -> None:
        self.view: View | None = None
        self.ended = False
        self.streams = 0
        self._at_s = time.monotonic()
        self._news = asyncio.Event()
        self._panels: dict[str, str] = {}
        self._drawn: tuple[View | None, str] | None = None

    @property
    def gone(self) -> str:
        """Why the view is not of now; empty while it is."""
        silent_s = time.monotonic() - self._at_s
        if self.ended:
            return "the reader has ended"
        if self.view is None and silent_s < SILENT_S:
            return "the host has not been looked at yet"
        return f"the reader is silent for {silent_s:.0f} s" if silent_s >= SILENT_S else ""

    def take(self, line: bytes) -> None:
        """Take a view; what is none is as if nothing had been sent, and grows old like that."""
        with contextlib.suppress(msgspec.DecodeError):
            self.view, self._at_s = msgspec.json.decode(line, type=View), time.monotonic()
            self._wake()

    def end(self) -> None:
        """The pipe has ended."""
        self.ended = True
        self._wake()

    def panels(self) -> dict[str, str]:
        """Return all panels as they are now; drawn once for everybody."""
        wanted = self.view, self.gone
        if self._drawn is None or self._drawn[0] is not wanted[0] or self._drawn[1] != wanted[1]:
            self._panels, self._drawn = panels.render(*wanted), wanted
        return self._panels

    async def wait(self) -> None:
        """Return when there is news, or a tick is due."""
        news = self._news
        try:
            await asyncio.wait_for(news.wait(), TICK_S)
        except TimeoutError:
            return

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


async def follow(hub: Hub, pipe: asyncio.StreamReader) -> None:
    """Feed the hub until the pipe ends."""
    while line := await pipe.readline():
        hub.take(line)
    hub.end()


def application(hub: Hub) -> Starlette:
    """Return the pages over a hub. Files are read here: later the process may not be able to."""
    given = {name: _static(name) for name in ("page.css", "page.js", "icon.svg")}

    async def page(_request: Request) -> Response:
        return Response(document(hub.panels()), media_type="text/html")

    async def events(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(headers=STREAM)
        if hub.streams >= MOST_STREAMS:
            return Response("too many streams\n", 503, media_type=TEXT)
        return StreamingResponse(stream(hub), headers=STREAM)

    async def measured(_request: Request) -> Response:
        return Response(metrics.text(hub.view, not hub.gone), media_type=metrics.MEDIA_TYPE)

    async def css(_request: Request) -> Response:
        return Response(given["page.css"], media_type="text/css")

    async def script(_request: Request) -> Response:
        return Response(given["page.js"], media_type="text/javascript")

    async def icon(_request: Request) -> Response:
        return Response(given["icon.svg"], media_type="image/svg+xml")

    return Starlette(
        routes=[
            Route("/", page),
            Route("/events", events),
            Route("/metrics", measured),
            Route("/page.css", css),
            Route("/page.js", script),
            Route("/icon.svg", icon),
        ]
    )


async def stream(hub: Hub) -> AsyncIterator[str]:
    """Yield the panels that have changed since the last ones, and a tick in between."""
    hub.streams += 1
    sent: dict[str, str] = {}
    try:
        while True:
            news = {key: html for key, html in hub.panels().items() if sent.get(key) != html}
            sent |= news
            yield f"event: panels\ndata: {json.dumps(news)}\n\n"
            if hub.ended:
                return
            await hub.wait()
    finally:
        hub.streams -= 1


def document(inside: dict[str, str]) -> str:
    """The page; without scripts it is loaded anew every few seconds."""
    groups = itertools.groupby(panels.PANELS, key=lambda panel: panel[3])
    sections = "".join(
        f'<div class="{place}">{"".join(_section(panel[0], panel[1], inside) for panel in group)}</div>'
        for place, group in groups
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>Bot4</title>'
        '<link rel="icon" href="icon.svg"><link rel="stylesheet" href="page.css">'
        '<noscript><meta http-equiv="refresh" content="5"></noscript>'
        '<script src="page.js" defer></script></head><body>'
        '<header><h1>Bot4</h1><p id="live">as of this page\'s loading</p></header>'
        f'<p id="{panels.SAID}" role="status">{inside[panels.SAID]}</p>'
        f'<div id="gone">{inside["gone"]}</div><main>{sections}</main>'
        "<footer><p>This page only shows. Stopping is at the box, or <code>bot4 halt</code>.</p>"
        "</footer></body></html>\n"
    )


def _section(name: str, title: str, inside: dict[str, str]) -> str:
    return (
        f'<section aria-labelledby="t-{name}"><h2 id="t-{name}">{escape(title)}</h2>'
        f'<div id="{name}">{inside[name]}</div></section>'
    )


def _static(name: str) -> bytes:
    return files("host.dashboard").joinpath("static", name).read_bytes()

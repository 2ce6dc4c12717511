"""A local exchange: a Market behind starlette and uvicorn on a free port, and how it misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.exchanges.market import Market, Order, Refused

PATIENCE_S = 10.0
LATE_S = 3.0


class LocalExchange(ABC):
    """One dialect. `wrong` is what happens to the next request that changes orders, or to all:

    timeout_accepted, timeout_lost -- carried out or not, and never answered
    throttled, failing -- a 429 or 503 before anything, once
    late -- it stays on its way for LATE_S
    maintenance -- of everything, until it is cleared
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.wrong = ""
        self.drop_messages = False
        self.double_messages = False
        self.answers: Callable[[str, Any], Any] = lambda _path, answer: answer
        self.requests: list[str] = []
        self.sockets: dict[WebSocket, asyncio.Queue[Any]] = {}
        self.followers: dict[WebSocket, asyncio.Queue[Any]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        market.listeners.append(self._changed)
        market.followers.append(self._moved)
        app = Starlette(routes=self.routes())
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="wsproto")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while not self._server.started:
            assert time.monotonic() < deadline, "the local exchange does not start"
            time.sleep(0.01)

    @abstractmethod
    def routes(self) -> list[Route | WebSocketRoute]:
        """The paths of the dialect."""

    @abstractmethod
    def error(self, why: str) -> Response:
        """A refusal in the dialect."""

    @abstractmethod
    def book(self, bid: Decimal, ask: Decimal) -> Any:
        """What followers of the market are told of it."""

    @abstractmethod
    def message(self, order: Order) -> Any:
        """What subscribers are told of an order."""

    def number(self, order: Order) -> str:
        """The exchange's own number of an order."""
        return str(order.ref)

    def date(self, request: Request) -> None:
        """Refuse a request that is too old, where the dialect says so in a header. Raises Refused."""
        return

    def get(self, path: str, act: Callable[[dict[str, str]], Any]) -> Route:
        """A question."""
        return Route(path, self._endpoint(act, False), methods=["GET"])

    def on(self, method: str, path: str, act: Callable[..., Any], changes: bool = True) -> Route:
        """Another request; one that `changes` orders may be misbehaved on."""
        return Route(path, self._endpoint(act, changes), methods=[method])

    def _endpoint(
        self, act: Callable[..., Any], changes: bool
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            self.requests.append(f"{request.method} {request.url.path}")
            fields = dict(request.query_params)
            body = (await request.body()).decode()
            is_json = body.startswith(("{", "["))
            told: Any = json.loads(body) if is_json else fields | dict(parse_qsl(body))
            wrong = self.wrong
            if wrong == "maintenance" and not request.url.path.endswith(("ime", "imes")):
                return self.error("maintenance")
            if changes and wrong:
                self.wrong = ""
                if wrong == "throttled":
                    return Response("too many requests", 429)
                if wrong == "failing":
                    return Response("service unavailable", 503)
                if wrong == "timeout_lost":
                    await asyncio.sleep(3600)
                if wrong == "late":
                    await asyncio.sleep(LATE_S)
            try:
                self.date(request)
                found = act(told)
            except Refused as refused:
                return self.error(refused.why)
            if changes and wrong == "timeout_accepted":
                await asyncio.sleep(3600)
            return JSONResponse(self.answers(request.url.path, found))

        return answer

    async def talk(self, ws: WebSocket, hear: Callable[[WebSocket, Any], list[Any]]) -> None:
        """Serve one WebSocket; whoever subscribes puts itself into `sockets`."""
        await ws.accept()
        queue: asyncio.Queue[Any] = asyncio.Queue()
        writer = asyncio.create_task(self._write(ws, queue))
        try:
            while True:
                text = await ws.receive_text()
                if text == "ping":
                    queue.put_nowait("pong")
                    continue
                self.requests.append(f"WS {text[:60]}")
                for reply in hear(ws, json.loads(text)):
                    queue.put_nowait(reply)
                self._queues[id(ws)] = queue
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            writer.cancel()
            self.sockets.pop(ws, None)
            self.followers.pop(ws, None)

    def subscribe(self, ws: WebSocket) -> None:
        """Tell this connection of orders from now on."""
        self._loop = asyncio.get_running_loop()
        self.sockets[ws] = self._queues.setdefault(id(ws), asyncio.Queue())

    def follow(self, ws: WebSocket) -> None:
        """Tell this connection of the market from now on."""
        self._loop = asyncio.get_running_loop()
        self.followers[ws] = self._queues.setdefault(id(ws), asyncio.Queue())

    async def _write(self, ws: WebSocket, queue: asyncio.Queue[Any]) -> None:
        self._queues[id(ws)] = queue
        while True:
            message = await queue.get()
            with contextlib.suppress(RuntimeError):
                await ws.send_text(message if isinstance(message, str) else json.dumps(message))

    @property
    def _queues(self) -> dict[int, asyncio.Queue[Any]]:
        return self.__dict__.setdefault("_queued", {})

    def _changed(self, order: Order) -> None:
        if self._loop is None or self.drop_messages:
            return
        message = self.message(order)
        for queue in list(self.sockets.values()):
            for _ in range(2 if self.double_messages else 1):
                self._loop.call_soon_threadsafe(queue.put_nowait, message)

    def _moved(self, bid: Decimal, ask: Decimal) -> None:
        for queue in list(self.followers.values()):
            assert self._loop is not None
            self._loop.call_soon_threadsafe(queue.put_nowait, self.book(bid, ask))

    def _run(self) -> None:
        self._server.run([self._listener])

    def close(self) -> None:
        """End it; requests that hang are dropped."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(PATIENCE_S)
        self._listener.close()

"""A local server with the candle dialect of Binance: /api/v3/klines and what ccxt asks before it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

HOUR_MS = 3_600_000
T0_MS = 1_704_067_200_000  # 2024-01-01
PATIENCE_S = 30
SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "isSpotTradingAllowed": True,
    "permissions": ["SPOT"],
    "orderTypes": ["LIMIT"],
    "filters": [],
}


def bars(rows: int, seed: int = 1) -> list[list[Any]]:
    """Hours of a random walk from T0 on, as the exchange writes them: prices are texts."""
    draw = np.random.default_rng(seed)
    close = 40_000 * np.exp(np.cumsum(draw.normal(0, 0.005, rows)))
    opened = np.concatenate([[40_000], close[:-1]])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    table = np.column_stack([opened, high, low, close, draw.exponential(10, rows)])
    return [
        [T0_MS + k * HOUR_MS, *(f"{v:.2f}" for v in row), T0_MS + (k + 1) * HOUR_MS - 1]
        for k, row in enumerate(table)
    ]


class Binance:
    """Serves `candles` until `close`.

    asked -- startTime of each request; page -- most rows of an answer
    before(n) is called before the n-th answer; it may wait, or return an answer of its own
    """

    def __init__(self, candles: list[list[Any]], page: int = 100) -> None:
        self.candles, self.page = candles, page
        self.asked: list[int] = []
        self.before: Callable[[int], Any] = lambda n: None
        self.status = "TRADING"
        routes = [
            Route("/api/v3/exchangeInfo", self.info),
            Route("/api/v3/klines", self.klines),
        ]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(Starlette(routes=routes), log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while not self._server.started:
            assert time.monotonic() < deadline, "the local exchange does not start"
            time.sleep(0.01)

    def info(self, request: Request) -> JSONResponse:
        """exchangeInfo."""
        return JSONResponse({"symbols": [{**SYMBOL, "status": self.status}]})

    def klines(self, request: Request) -> JSONResponse:
        """Bars from startTime on, at most `limit` and at most a page."""
        since = int(request.query_params["startTime"])
        self.asked.append(since)
        own = self.before(len(self.asked))
        if own is not None:
            return own
        rows = min(int(request.query_params["limit"]), self.page)
        found = [row for row in self.candles if row[0] >= since][:rows]
        return JSONResponse(found)

    def close(self) -> None:
        """Stop."""
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        self._listener.close()

"""A local server that speaks the API's chat completions, well or badly, on a free loopback port."""

import asyncio
import email.utils
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

PRICES = (2000, 5000)  # ticks of a token: 0.20 and 0.50 USD a million


class Api:
    """`behave` is what the next requests get, by name (see `_answer`); then "ok"."""

    def __init__(self) -> None:
        self.behave: deque[str] = deque()
        self.always = "ok"
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.billed_ticks = 0
        self.sentiment: Callable[[str], tuple[float, float]] = lambda symbol: (-0.5, 0.8)
        self.feeds: dict[str, bytes] = {}
        self.date_s: Callable[[], float] = time.time
        routes = [
            Route("/v1/chat/completions", self._complete, methods=["POST"]),
            Route("/v1", self._root, methods=["GET", "HEAD"]),
            Route("/feed/{name}", self._feed),
        ]
        wanted = uvicorn.Config(
            Starlette(routes=routes), port=0, log_level="critical", date_header=False, ws="none"
        )
        self._server = uvicorn.Server(wanted)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "Api":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    @property
    def address(self) -> str:
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def _date(self) -> dict[str, str]:
        return {"Date": email.utils.formatdate(self.date_s(), usegmt=True)}

    async def _root(self, _request: Request) -> Response:
        return Response(status_code=404, headers=self._date())

    async def _feed(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == "away":
            return Response(status_code=302, headers={"Location": "/feed/other"})
        return Response(self.feeds[name])

    async def _complete(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        how = self.behave.popleft() if self.behave else self.always
        answer = await self._answer(how, body, request)
        answer.headers["Date"] = self._date()["Date"]
        return answer

    async def _answer(self, how: str, body: dict[str, Any], request: Request) -> Response:
        name, _, value = how.partition(":")
        match name:
            case "status":
                echo = request.headers["authorization"]
                return PlainTextResponse(f"no: {echo}", int(value), {"Retry-After": "0"})
            case "busy":
                return PlainTextResponse("later", 429, {"Retry-After": value})
            case "hang":
                await asyncio.sleep(float(value))
            case "slow":
                return StreamingResponse(_drops(float(value)), media_type="application/json")
            case "huge":
                return Response(b'{"choices": "' + b"x" * 3_000_000 + b'"}')
            case "bomb":
                return Response(b"x", headers={"Content-Encoding": "gzip"})
            case "raw":
                return Response(value)
            case "drop":
                return StreamingResponse(_cut())
        return Response(json.dumps(self._completion(name, value, body)))

    def _completion(self, name: str, value: str, body: dict[str, Any]) -> dict[str, Any]:
        document = body["messages"][1]["content"].split("\n", 1)[1].rsplit("\n", 1)[0]
        said = []
        for asked in json.loads(document):
            sentiment, confidence = self.sentiment(asked["symbol"])
            said.append({
                "symbol": asked["symbol"],
                "sentiment": sentiment,
                "confidence": confidence,
                "horizon_minutes": 60,
                "reasons": ["made up by the tests"],
            })  # fmt: skip
        content = value if name == "content" else json.dumps({"opinions": said})
        read, written = len(json.dumps(body)) // 4, len(content) // 4
        cost = read * PRICES[0] + written * PRICES[1]
        usage: dict[str, Any] = {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": read // 2},
            "cost_in_usd_ticks": cost,
        }
        if name == "cost":
            usage["cost_in_usd_ticks"] = json.loads(value)
        elif name == "no_cost":
            del usage["cost_in_usd_ticks"]
        self.billed_ticks += cost
        message = {"role": "assistant", "content": content, "refusal": None}
        if name == "refusal":
            message |= {"content": None, "refusal": "no"}
        finish = {"length": "length", "filter": "content_filter"}.get(name, "stop")
        return {
            "id": "x",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": usage,
        }


async def _drops(seconds: float):  # type: ignore[no-untyped-def]
    for _drop in range(int(seconds / 0.05)):
        yield b" "
        await asyncio.sleep(0.05)


async def _cut():  # type: ignore[no-untyped-def]
    yield b'{"choices": ['
    raise ConnectionResetError

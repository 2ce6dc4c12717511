"""Only GET and HEAD, only our own names, only with the token where there is one."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.dashboard.access import HEADERS, LOCAL, Access
from host.dashboard.web import MOST_STREAMS, Hub, application, stream
from tests.dashboard.kit import WORD
from tests.dashboard.test_story import SLOWLY

PATHS = (
    "/",
    "/events",
    "/metrics",
    "/page.css",
    "/page.js",
    "/icon.svg",
    "/nothing",
    "/../etc/passwd",
    "*",
)
OTHER_METHODS = (
    "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "HALT", "",
)  # fmt: skip
OURS = (b"host", b"localhost:8404")


class Answer:
    """What came back."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])


def ask(
    method: str,
    path: str,
    *headers: tuple[bytes, bytes],
    token: str | None = None,
    ended: bool = True,
) -> Answer:
    """Ask the whole application once, in this process; a hub that has ended ends its streams."""

    async def run() -> list[dict[str, Any]]:
        hub = Hub()
        if ended:
            hub.end()
        messages: list[dict[str, Any]] = []
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": b"", "headers": list(headers), "http_version": "1.1", "scheme": "http",
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "asgi": {"version": "3.0"},
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(3600)
            return {}

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        await Access(application(hub), (LOCAL, "box.example"), token)(scope, receive, send)
        return messages

    return Answer(asyncio.run(run()))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", OTHER_METHODS)
def test_every_other_method_is_405(method: str, path: str) -> None:
    answer = ask(method, path, OURS)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", PATHS[:6])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_get_and_head_are_answered_with_every_header(method: str, path: str) -> None:
    answer = ask(method, path, OURS)
    assert answer.status == 200
    for name, value in HEADERS:
        assert answer.headers[name.decode()] == value.decode()


@pytest.mark.parametrize("answer", [("POST", 405), ("GET", 404)])
def test_refusals_carry_the_headers_too(answer: tuple[str, int]) -> None:
    method, status = answer
    given = ask(method, "/nothing", OURS)
    assert given.status == status
    assert "default-src 'none'" in given.headers["content-security-policy"]


def test_the_head_of_the_stream_ends() -> None:
    answer = ask("HEAD", "/events", OURS, ended=False)
    assert answer.status == 200
    assert answer.body == b""


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]:9", "192.168.7.7",
                                  "box.example:443"])  # fmt: skip
def test_our_names_and_plain_numbers_are_answered(name: str) -> None:
    assert ask("GET", "/", (b"host", name.encode())).status == 200


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example",
                                  "1", "[::1", "localhost@evil.example"])  # fmt: skip
def test_a_name_that_somebody_gave_our_address_is_not(name: str) -> None:
    assert ask("GET", "/metrics", (b"host", name.encode())).status == 421
    assert ask("GET", "/metrics").status == 421
    assert ask("GET", "/metrics", OURS, (b"host", name.encode())).status == 421


def basic(user: str, word: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{word}".encode())


@pytest.mark.parametrize("given", [f"Bearer {WORD}".encode(), basic("", WORD), basic("any", WORD)])
@pytest.mark.parametrize("path", PATHS[:6])
def test_the_token_opens(given: bytes, path: str) -> None:
    assert ask("GET", path, OURS, (b"authorization", given), token=WORD).status == 200


@pytest.mark.parametrize(
    "given",
    [None, b"", b"Bearer", b"Bearer ", f"Bearer {WORD}x".encode(), f"Bearer {WORD[:-1]}".encode(),
     WORD.encode(), b"Digest " + WORD.encode(), basic("", WORD.upper()), basic(WORD, ""), b"Basic !!!",
     b"Basic \xff\xff", b"Bearer \xff"],
)  # fmt: skip
@pytest.mark.parametrize("path", PATHS)
def test_nothing_else_does_whatever_is_asked_for(given: bytes | None, path: str) -> None:
    headers = [] if given is None else [(b"authorization", given)]
    answer = ask("GET", path, OURS, *headers, token=WORD)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert b"panel" not in answer.body


def test_two_tokens_are_none() -> None:
    right, wrong = f"Bearer {WORD}".encode(), b"Bearer x"
    given = [(b"authorization", right), (b"authorization", wrong)]
    assert ask("GET", "/", OURS, *given, token=WORD).status == 401


NAMES = st.sampled_from([b"accept", b"range", b"x-http-method-override", b"content-length", b"cookie",
                         b"x-forwarded-for", b"if-none-match", b"upgrade", b"last-event-id"])  # fmt: skip


@SLOWLY
@given(
    st.sampled_from(["GET", "HEAD"]),
    st.one_of(st.sampled_from(PATHS), st.text(max_size=20).map("/".__add__)),
    st.lists(st.tuples(NAMES, st.binary(max_size=30)), max_size=4),
)
def test_no_route_and_no_header_brings_anything_but_the_page_or_a_refusal(
    method: str, path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    answer = ask(method, path.encode("utf-8", "replace").decode(), OURS, *headers)
    assert answer.status in (200, 404, 307)
    assert answer.status == 200 or path not in PATHS[:6]
    assert b"root:" not in answer.body


def test_there_is_an_end_to_streams() -> None:
    async def run() -> tuple[int, int]:
        hub = Hub()
        opened = [stream(hub) for _ in range(3)]
        for one in opened:
            await anext(one)
        most = hub.streams
        for one in opened:
            await one.aclose()  # type: ignore[attr-defined]
        return most, hub.streams

    assert asyncio.run(run()) == (3, 0)
    assert MOST_STREAMS > 3


def test_a_line_that_is_no_view_changes_nothing() -> None:
    async def run() -> None:
        hub = Hub()
        hub.take(b'{"wall_ns":5}')
        kept = hub.view
        for line in (b"", b"[]", b'{"wall_ns":"x"}', b"\xff"):
            hub.take(line)
        assert hub.view is kept

    asyncio.run(run())

"""Requests are told apart however their bytes come, and what cannot be read is never let through."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.exchange import traffic
from host.exchange.framing import MOST_BYTES, Framing, Unreadable
from host.exchange.traffic import Kind

UPGRADE = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"


def http(method: str, path: str, body: bytes = b"") -> bytes:
    """One request."""
    return f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def frame(payload: bytes, first: int = 0x81, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """One masked frame."""
    length = len(payload)
    if length < 126:
        head = bytes([first, 0x80 | length])
    elif length < 65536:
        head = bytes([first, 0xFE]) + struct.pack(">H", length)
    else:
        head = bytes([first, 0xFF]) + struct.pack(">Q", length)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


requests = st.lists(
    st.tuples(st.sampled_from(["GET", "POST", "DELETE"]), st.binary(max_size=300)), max_size=5
)
payloads = st.lists(st.binary(min_size=1, max_size=400), max_size=5)


@given(requests=requests, payloads=payloads, cuts=st.lists(st.integers(1, 50), max_size=200))
def test_however_the_bytes_are_cut_the_same_requests_come_out(
    requests: list[tuple[str, bytes]], payloads: list[bytes], cuts: list[int]
) -> None:
    whole = b"".join(http(method, "/a?b=c", body) for method, body in requests) + UPGRADE
    whole += b"".join(frame(payload) for payload in payloads)
    framing, found, at = Framing(), [], 0
    for cut in cuts:
        found += list(framing.feed(whole[at : at + cut]))
        at += cut
    found += list(framing.feed(whole[at:]))
    assert b"".join(request.data for request in found) == whole
    assert [request.word for request in found if request.word] == [
        *((method, "/a") for method, _body in requests), ("GET", "/ws"),
    ]  # fmt: skip
    assert [request.payload for request in found if request.word is None] == payloads


def test_a_request_comes_out_at_its_last_byte_and_not_before() -> None:
    whole = http("POST", "/order", b"a body")
    framing = Framing()
    assert [list(framing.feed(whole[at : at + 1])) for at in range(len(whole) - 1)] == [[]] * (
        len(whole) - 1
    )
    (request,) = framing.feed(whole[-1:])
    assert request.data == whole


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"POST /order HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /order HTTP/1.1\r\nExpect: 100-continue\r\n\r\n",
        b"POST /order HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /order HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n",
        b"x" * (MOST_BYTES + 1),
        UPGRADE + frame(b"packed", 0xC1),
        UPGRADE + frame(b"the first part", 0x01),
        UPGRADE + frame(b"the next part", 0x80),
    ],
)
def test_what_cannot_be_read_is_not_let_through(data: bytes) -> None:
    with pytest.raises(Unreadable):
        list(Framing().feed(data))


def test_after_an_upgrade_that_was_refused_http_goes_on() -> None:
    framing = Framing()
    found = [*framing.feed(UPGRADE), *framing.feed(http("POST", "/order", b"x"))]
    assert [request.word for request in found] == [("GET", "/ws"), ("POST", "/order")]


@pytest.mark.parametrize(
    ("table", "asks", "cancels", "orders"),
    [
        (
            traffic.BINANCE,
            ["GET /api/v3/order", "PUT /fapi/v1/listenKey"],
            ["DELETE /api/v3/openOrders", "DELETE /fapi/v1/algoOrder",
             "POST /fapi/v1/countdownCancelAll"],
            ["POST /api/v3/order", "PUT /fapi/v1/order", "POST /fapi/v1/algoOrder",
             "POST /api/v3/order/cancelReplace", "POST /sapi/v1/capital/withdraw/apply",
             "DELETE /sapi/v1/anything", "POST /api/v3/newThing"],
        ),
        (
            traffic.KRAKEN,
            ["GET /0/public/Time", "POST /0/private/OpenOrders", "POST /0/private/GetWebSocketsToken"],
            ["POST /0/private/CancelAll", "POST /0/private/CancelAllOrdersAfter"],
            ["POST /0/private/AddOrder", "POST /0/private/AmendOrder", "POST /0/private/Withdraw",
             "POST /0/private/CancelOrderAndReplace", "DELETE /0/private/CancelAll"],
        ),
        (
            traffic.OKX,
            ["GET /api/v5/trade/order"],
            ["POST /api/v5/trade/cancel-order", "POST /api/v5/trade/cancel-all-after"],
            ["POST /api/v5/trade/order", "POST /api/v5/trade/amend-order",
             "POST /api/v5/trade/order-algo", "POST /api/v5/trade/close-position",
             "POST /api/v5/asset/withdrawal"],
        ),
        (traffic.ANY, ["GET /x"], ["DELETE /x"], ["POST /cancel", "PUT /x", "PATCH /x", "BREW /x"]),
    ],
)  # fmt: skip
def test_what_is_not_known_to_be_harmless_is_an_order(
    table: traffic.Traffic, asks: list[str], cancels: list[str], orders: list[str]
) -> None:
    for words, kind in ((asks, Kind.QUERY), (cancels, Kind.CANCEL), (orders, Kind.ORDER)):
        for word in words:
            method, _, path = word.partition(" ")
            assert table.of_request(method, path) is kind, word


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"ping", Kind.QUERY),
        (json.dumps({"op": "subscribe", "args": []}).encode(), Kind.QUERY),
        (json.dumps({"op": "cancel-order"}).encode(), Kind.CANCEL),
        (json.dumps({"op": "order"}).encode(), Kind.ORDER),
        (json.dumps({"op": "mass-anything"}).encode(), Kind.ORDER),
        (json.dumps({"op": "subscribe", "method": "order.place"}).encode(), Kind.ORDER),
        (json.dumps({"op": ["subscribe"]}).encode(), Kind.ORDER),
        (b"{}", Kind.ORDER),
        (b"[]", Kind.ORDER),
        (b"\xff", Kind.ORDER),
        (b"subscribe", Kind.ORDER),
    ],
)
def test_messages_are_told_by_their_word(message: bytes, kind: Kind) -> None:
    assert traffic.OKX.of_message(message) is kind


@given(payload=st.binary(max_size=200))
def test_any_message_is_told_without_a_crash(payload: bytes) -> None:
    for table in (traffic.BINANCE, traffic.KRAKEN, traffic.OKX, traffic.ANY):
        assert table.of_message(payload) in Kind

"""What a request does, told from its bytes: asks, cancels, or anything else, which counts as an order.

One table of what is known to be harmless, for each exchange; nothing is believed of a request that is
not in it. A new path or word of an exchange is an order until somebody has read what it does.
"""

import re
from dataclasses import dataclass
from enum import Enum

import msgspec


class Kind(Enum):
    """What a request does at the exchange."""

    QUERY = "query"
    CANCEL = "cancel"
    ORDER = "order"


@dataclass(frozen=True)
class Traffic:
    """The harmless requests of one exchange: patterns of "METHOD /path", and of a message's word."""

    queries: re.Pattern[str]
    cancels: re.Pattern[str]
    asking: re.Pattern[str]
    cancelling: re.Pattern[str]

    def of_request(self, method: str, path: str) -> Kind:
        """Tell what an HTTP request does; `path` is without the query string."""
        return _kind(f"{method} {path}", self.queries, self.cancels)

    def of_message(self, payload: bytes) -> Kind:
        """Tell what a WebSocket message does, by its `method`, `op` or `event`."""
        if payload in (b"ping", b"pong"):
            return Kind.QUERY
        try:
            message = msgspec.json.decode(payload, type=dict)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Kind.ORDER
        words = [message[key] for key in ("method", "op", "event") if key in message]
        if len(words) != 1 or not isinstance(words[0], str):
            return Kind.ORDER
        return _kind(words[0], self.asking, self.cancelling)


def _kind(text: str, asks: re.Pattern[str], cancels: re.Pattern[str]) -> Kind:
    if asks.fullmatch(text):
        return Kind.QUERY
    return Kind.CANCEL if cancels.fullmatch(text) else Kind.ORDER


def _table(queries: str, cancels: str, asking: str, cancelling: str) -> Traffic:
    return Traffic(*(re.compile(part, re.ASCII) for part in (queries, cancels, asking, cancelling)))


BINANCE = _table(
    r"GET /.*|(POST|PUT) /(api/v3/userDataStream|fapi/v1/listenKey)",
    r"DELETE /(api/v3|fapi/v1)/.*|POST /fapi/v1/countdownCancelAll",
    r"SUBSCRIBE|UNSUBSCRIBE|LIST_SUBSCRIPTIONS|session\.(logon|status|logout)|userDataStream\..*|ping",
    r"order\.cancel|openOrders\.cancelAll|orderList\.cancel",
)
KRAKEN = _table(
    r"GET /.*|POST /0/private/(Balance(Ex)?|TradeBalance|OpenOrders|ClosedOrders|QueryOrders"
    r"|QueryTrades|TradesHistory|OpenPositions|TradeVolume|GetWebSocketsToken)",
    r"POST /0/private/(CancelOrder|CancelOrderBatch|CancelAll|CancelAllOrdersAfter)",
    r"(un)?subscribe|ping",
    r"cancel_order|cancel_all|cancel_all_orders_after|batch_cancel",
)
OKX = _table(
    r"GET /.*",
    r"POST /api/v5/trade/cancel-(order|batch-orders|algos|advance-algos|all-after)",
    r"(un)?subscribe|login",
    r"cancel-order|batch-cancel-orders",
)
# Of an exchange that nobody has read: questions, and what can only take away.
ANY = _table(r"GET /.*", r"DELETE /.*", r"(un)?subscribe|ping", r"(?!)")

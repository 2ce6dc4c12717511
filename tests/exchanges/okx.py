"""OKX's dialect, spot and linear swap, as far as the connector and ccxt speak it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.exchanges.market import Execution, Market, Order, Refused
from tests.exchanges.serving import LocalExchange

ERRORS = {
    "unknown": ("51400", "Cancellation failed as the order does not exist."),
    "missing": ("51603", "Order does not exist"),
    "lot": ("51121", "Order quantity must be a multiple of the lot size."),
    "tick": ("51006", "Order price is not within the price limit."),
    "notional": ("51020", "Order amount should be greater than the min available amount."),
    "funds": ("51008", "Order failed. Insufficient balance."),
    "reduce_only": ("51169", "Order failed because you don't have any positions to reduce."),
    "duplicate": ("51016", "Duplicated client order ID"),
    "qty": ("51503", "Order modification failed"),
    "clock": ("50102", "Timestamp request expired"),
    "maintenance": ("50001", "Service temporarily unavailable. Try again later"),
}
STATES = {"filled": "filled", "cancelled": "canceled"}


class OkxSwap(LocalExchange):
    """Version 5, one perpetual of 0.01 a contract."""

    inst, kind, unit = "BTC-USDT-SWAP", "SWAP", Decimal("0.01")

    def __init__(self) -> None:
        super().__init__(Market(spot=False, stops_apart=True, min_notional=Decimal(0)))

    def routes(self) -> list[Route | WebSocketRoute]:
        """The paths."""
        root, trade = "/api/v5", "/api/v5/trade"
        return [
            self.get(f"{root}/public/time", lambda _: _ok({"ts": str(self.market.now_ms())})),
            self.get(f"{root}/public/instruments", lambda _: _ok(self.instrument())),
            self.get(f"{root}/market/ticker", lambda _: _ok(self.ticker())),
            self.get(f"{root}/account/balance", lambda _: _ok({"details": self.balances()})),
            self.get(f"{root}/account/positions", lambda _: _ok(
                {"instId": self.inst, "pos": self.size(self.market.base), "posSide": "net"})),
            self.get(f"{trade}/order", lambda asked: _ok(self.shown(self.find(asked)))),
            self.get(f"{trade}/orders-pending", lambda _: _ok(
                *(self.shown(o) for o in self.market.open() if self.here(o)))),
            self.get(f"{trade}/order-algo", lambda asked: _ok(self.shown_algo(self.algo(asked)))),
            self.get(f"{trade}/orders-algo-pending", lambda _: _ok(
                *(self.shown_algo(o) for o in self.market.open() if not self.here(o)))),
            self.get(f"{trade}/fills-history", self.fills),
            self.on("POST", f"{trade}/order", self.new),
            self.on("POST", f"{trade}/batch-orders", lambda asked: self.new(asked[0])),
            self.on("POST", f"{trade}/order-algo", self.new_algo),
            self.on("POST", f"{trade}/cancel-order", lambda asked: self.cancel(self.find(asked))),
            self.on("POST", f"{trade}/cancel-algos", lambda asked: self.cancel(self.algo(asked[0]))),
            self.on("POST", f"{trade}/amend-order", self.amend),
            self.on("POST", f"{trade}/amend-algos", self.amend_algo),
            self.on("POST", f"{trade}/cancel-all-after", self.cancel_after, False),
            WebSocketRoute("/ws/v5/{which}", lambda ws: self.talk(ws, self.hear)),
        ]  # fmt: skip

    def error(self, why: str) -> Response:
        """A refusal of a single order stands in its data."""
        code, text = ERRORS[why]
        if why in ("maintenance", "clock", "missing"):
            return JSONResponse({"code": code, "data": [], "msg": text})
        return JSONResponse({"code": "1", "data": [{"sCode": code, "sMsg": text}], "msg": ""})

    def date(self, request: Request) -> None:
        """Every order has an expTime, in ms; one that has passed is refused."""
        dated = request.url.path.endswith("/trade/order") and request.method == "POST"
        if dated and self.market.now_ms() > int(request.headers["expTime"]):
            raise Refused("clock")

    def instrument(self) -> dict[str, Any]:
        """The one that there is."""
        return {
            "instType": self.kind, "instId": self.inst, "uly": "BTC-USDT", "baseCcy": "",
            "quoteCcy": "", "settleCcy": "USDT", "ctVal": str(self.unit), "ctMult": "1",
            "ctValCcy": "BTC", "ctType": "linear", "tickSz": "0.1", "lotSz": "0.1", "minSz": "0.1",
            "state": "live", "listTime": "1548133413000", "expTime": "", "lever": "100",
            "maxLmtSz": "900000", "alias": "", "instFamily": "BTC-USDT",
        }  # fmt: skip

    def ticker(self) -> dict[str, str]:
        """The last price."""
        return {"instId": self.inst, "last": str(self.market.last)}

    def balances(self) -> list[dict[str, str]]:
        """The account's details."""
        return [{"ccy": "USDT", "cashBal": str(self.market.quote)}]

    def size(self, qty: Decimal) -> str:
        """A quantity in contracts."""
        return format((qty / self.unit).normalize(), "f")

    def base(self, size: str) -> str:
        """Contracts as a quantity."""
        return str(Decimal(size) * self.unit)

    def new(self, asked: dict[str, Any]) -> dict[str, Any]:
        """POST order; a post-only order that would take is accepted and cancelled at once."""
        kind = "market" if asked["ordType"] == "market" else "limit"
        wanted = (asked["clOrdId"], asked["side"], kind, self.base(asked["sz"]), asked.get("px"), None,
                  asked.get("reduceOnly") is True)  # fmt: skip
        post = asked["ordType"] == "post_only"
        try:
            order = self.market.new(*wanted, post, asked["ordType"] == "ioc")
        except Refused as refused:
            if refused.why != "post_only":
                raise
            with self.market.lock:
                self.market.received.pop()
                bid, self.market._bid = self.market._bid, Decimal(0)
                order = self.market.new(*wanted)
                self.market._bid = bid
            self.market.cancel(order.ref)
            order.kind = "post_only"
        return _ok({"ordId": str(order.ref), "clOrdId": order.wire, "sCode": "0", "sMsg": ""})

    def new_algo(self, asked: dict[str, Any]) -> dict[str, Any]:
        """POST order-algo."""
        order = self.market.new(
            asked["algoClOrdId"], asked["side"], "stop", self.base(asked["sz"]), None,
            asked["slTriggerPx"], asked.get("reduceOnly") is True,
        )  # fmt: skip
        return _ok({"algoId": str(order.ref), "algoClOrdId": order.wire, "sCode": "0", "sMsg": ""})

    def here(self, order: Order) -> bool:
        """A stop is among the orders once it has triggered."""
        return order.stop is None or bool(order.triggered)

    def find(self, asked: dict[str, Any]) -> Order:
        """The order that is asked for."""
        ref, wire = asked.get("ordId"), asked.get("clOrdId")
        here = [order for order in self.market.orders.values() if self.here(order)]
        found = [
            o
            for o in here
            if ref == str(o.triggered or o.ref) or (wire == o.wire and not o.triggered)
        ]
        if not found:
            raise Refused("missing")
        return found[-1]

    def algo(self, asked: dict[str, Any]) -> Order:
        """The stop that is asked for."""
        stops = [order for order in self.market.orders.values() if order.stop is not None]
        ref, wire = asked.get("algoId"), asked.get("algoClOrdId")
        found = [order for order in stops if ref == str(order.ref) or wire == order.wire]
        if not found:
            raise Refused("missing")
        return found[-1]

    def cancel(self, order: Order) -> dict[str, Any]:
        """POST cancel-order, cancel-algos."""
        self.market.cancel(order.ref)
        return _ok({"ordId": str(order.ref), "algoId": str(order.ref), "sCode": "0", "sMsg": ""})

    def amend(self, asked: dict[str, Any]) -> dict[str, Any]:
        """POST amend-order."""
        order = self.find(asked)
        self.market.amend(order.ref, self.base(asked["newSz"]), asked.get("newPx"), None)
        return _ok({"ordId": str(order.ref), "clOrdId": order.wire, "sCode": "0", "sMsg": ""})

    def amend_algo(self, asked: dict[str, Any]) -> dict[str, Any]:
        """POST amend-algos."""
        order = self.algo(asked)
        self.market.amend(order.ref, self.base(asked["newSz"]), None, asked["newSlTriggerPx"])
        return _ok({"algoId": str(order.ref), "sCode": "0", "sMsg": ""})

    def cancel_after(self, asked: dict[str, Any]) -> dict[str, Any]:
        """POST cancel-all-after: 0, or 10 to 120 s."""
        seconds = int(asked["timeOut"])
        if seconds and not 10 <= seconds <= 120:
            raise Refused("lot")
        self.market.arm(seconds)
        return _ok({"triggerTime": str(self.market.now_ms() + seconds * 1000), "ts": "1"})

    def fills(self, asked: dict[str, str]) -> dict[str, Any]:
        """GET fills-history: the newest first."""
        begin, after = int(asked.get("begin", 0)), int(asked.get("after", 0))
        found = [
            execution for execution in reversed(self.market.executions)
            if execution.at_ms >= begin and (not after or execution.trade < after)
        ]  # fmt: skip
        return _ok(*(self.executed(execution) for execution in found[: int(asked["limit"])]))

    def shown(self, order: Order) -> dict[str, Any]:
        """An order."""
        live = "partially_filled" if order.filled else "live"
        return {
            "instType": self.kind, "instId": self.inst, "ordId": str(order.triggered or order.ref),
            "clOrdId": "" if order.triggered else order.wire, "side": order.side,
            "algoClOrdId": order.wire if order.triggered else "", "posSide": "net", "tdMode": "cross",
            "ordType": order.kind, "px": str(order.price or ""), "sz": self.size(order.qty),
            "accFillSz": self.size(order.filled), "state": STATES.get(order.state, live),
            "reduceOnly": str(order.reduce_only).lower(), "cTime": str(order.at_ms),
            "uTime": str(order.at_ms), "cancelSource": "31" if order.kind == "post_only" else "1",
            "fee": "0", "feeCcy": "USDT", "avgPx": "", "fillPx": "", "fillSz": "0", "tradeId": "",
        }  # fmt: skip

    def shown_algo(self, order: Order) -> dict[str, Any]:
        """A stop."""
        state = "effective" if order.triggered else STATES.get(order.state, "live")
        return {
            "instId": self.inst, "algoId": str(order.ref), "algoClOrdId": order.wire,
            "ordType": "conditional", "side": order.side, "sz": self.size(order.qty),
            "slTriggerPx": str(order.stop), "slOrdPx": "-1", "state": state,
            "ordId": str(order.triggered or ""), "cTime": str(order.at_ms),
            "reduceOnly": str(order.reduce_only).lower(),
        }  # fmt: skip

    def executed(self, execution: Execution) -> dict[str, Any]:
        """An execution: what was paid is negative here."""
        return {
            "instType": self.kind, "instId": self.inst, "ordId": str(execution.ref),
            "tradeId": str(execution.trade), "billId": str(execution.trade), "side": execution.side,
            "fillSz": self.size(execution.qty), "fillPx": str(execution.price),
            "fee": str(-execution.fee), "feeCcy": "USDT", "ts": str(execution.at_ms),
            "execType": "M" if execution.maker else "T", "clOrdId": execution.wire,
        }  # fmt: skip

    def hear(self, ws: WebSocket, told: dict[str, Any]) -> list[Any]:
        """Log-in, subscriptions; and an order, for the gate's own test."""
        if told["op"] == "login":
            return [{"event": "login", "success": True, "code": "0"}]
        if told["op"] == "subscribe" and told["args"][0]["channel"] != "orders":
            self.follow(ws)
            return [{"event": "subscribe", "arg": told["args"][0]}]
        if told["op"] == "subscribe":
            self.subscribe(ws)
            return [{"event": "subscribe", "arg": told["args"][0]}]
        if told["op"] in ("order", "batch-orders"):
            return [self.new(told["args"][0]) | {"id": told["id"], "op": told["op"]}]
        return []

    def book(self, bid: Decimal, ask: Decimal) -> Any:
        """The best bid and ask."""
        levels = {"bids": [[str(bid), "1", "0", "1"]], "asks": [[str(ask), "1", "0", "1"]]}
        data = levels | {"ts": str(self.market.now_ms()), "seqId": 1, "checksum": 0}
        return {"arg": {"channel": "bbo-tbt", "instId": self.inst}, "data": [data]}

    def message(self, order: Order) -> Any:
        """The orders channel."""
        arg = {"channel": "orders", "instType": self.kind}
        return {"arg": arg, "data": [self.shown(order)]}


def _ok(*data: Any) -> dict[str, Any]:
    return {"code": "0", "data": list(data), "msg": ""}


class OkxSpot(OkxSwap):
    """BTC-USDT, in base units."""

    inst, kind, unit = "BTC-USDT", "SPOT", Decimal(1)

    def __init__(self) -> None:
        LocalExchange.__init__(self, Market(spot=True, stops_apart=True, min_notional=Decimal(0)))

    def instrument(self) -> dict[str, Any]:
        """The spot pair."""
        return super().instrument() | {
            "baseCcy": "BTC", "quoteCcy": "USDT", "settleCcy": "", "ctVal": "", "ctType": "",
            "ctValCcy": "", "lotSz": "0.001", "minSz": "0.001", "uly": "",
        }  # fmt: skip

    def balances(self) -> list[dict[str, str]]:
        """Both currencies."""
        return [*super().balances(), {"ccy": "BTC", "cashBal": str(self.market.base)}]

"""Kraken's dialect, as far as the connector and ccxt speak it."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.exchanges.market import Execution, Market, Order, Refused
from tests.exchanges.serving import LocalExchange

ERRORS = {
    "unknown": "EOrder:Unknown order",
    "missing": "EOrder:Invalid order",
    "lot": "EGeneral:Invalid arguments:volume",
    "tick": "EOrder:Invalid price:Invalid price argument",
    "notional": "EOrder:Order minimum not met",
    "funds": "EOrder:Insufficient funds",
    "post_only": "EOrder:Post only order",
    "duplicate": "EGeneral:Invalid arguments:cl_ord_id already in use",
    "qty": "EGeneral:Invalid arguments:volume",
    "late": "EOrder:Deadline elapsed",
    "nonce": "EAPI:Invalid nonce",
    "maintenance": "EService:Market in cancel_only mode",
}
STATES = {"open": "open", "filled": "closed", "cancelled": "canceled"}


class KrakenSpot(LocalExchange):
    """Version 0 of the REST API and version 2 of the WebSocket."""

    def __init__(self) -> None:
        self._nonce = 0
        super().__init__(Market(spot=True, stops_apart=False))

    def routes(self) -> list[Route | WebSocketRoute]:
        """The paths."""
        public, private, get, on = "/0/public", "/0/private", self.get, self.on
        asks: dict[str, Any] = {
            "OpenOrders": self.open_orders, "ClosedOrders": self.closed_orders,
            "QueryOrders": self.query, "TradesHistory": self.trades,
            "Balance": lambda _: {"XXBT": str(self.market.base), "ZUSD": str(self.market.quote)},
            "GetWebSocketsToken": lambda _: {"token": "token", "expires": 900},
            "CancelAllOrdersAfter": self.cancel_after,
        }  # fmt: skip
        changes: dict[str, Any] = {
            "AddOrder": self.new, "CancelOrder": self.cancel, "AmendOrder": self.amend,
            "CancelAll": self.cancel_all,
        }  # fmt: skip
        return [
            self.get(f"{public}/Time", lambda _: _ok({"unixtime": self.market.now_ms() // 1000})),
            self.get(f"{public}/AssetPairs", lambda _: _ok({"XXBTZUSD": self.pair()})),
            get(f"{public}/Ticker", lambda _: _ok({"XXBTZUSD": {"c": [str(self.market.last), "1"]}})),
            *(on("POST", f"{private}/{name}", self.signed(act), False) for name, act in asks.items()),
            *(on("POST", f"{private}/{name}", self.signed(act)) for name, act in changes.items()),
            WebSocketRoute("/v2", lambda ws: self.talk(ws, self.hear)),
            WebSocketRoute("/", lambda ws: self.talk(ws, self.hear)),
        ]  # fmt: skip

    def error(self, why: str) -> Response:
        """Kraken answers 200 to everything."""
        return JSONResponse({"error": [ERRORS[why]]})

    def signed(self, act: Any) -> Any:
        """Refuse a nonce that does not rise."""

        def answer(asked: dict[str, str]) -> dict[str, Any]:
            if int(asked["nonce"]) <= self._nonce:
                raise Refused("nonce")
            self._nonce = int(asked["nonce"])
            return _ok(act(asked))

        return answer

    def number(self, order: Order) -> str:
        """A txid."""
        return _txid(order.ref)

    def pair(self) -> dict[str, Any]:
        """The one that there is."""
        return {
            "altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD",
            "pair_decimals": 1, "lot_decimals": 3, "cost_decimals": 5, "tick_size": "0.1",
            "ordermin": "0.001", "costmin": "5", "status": "online", "leverage_buy": [],
            "leverage_sell": [], "fees": [[0, 0.25]], "fees_maker": [[0, 0.15]],
        }  # fmt: skip

    def new(self, asked: dict[str, str]) -> dict[str, Any]:
        """AddOrder."""
        deadline = datetime.datetime.fromisoformat(asked.get("deadline", "2999-01-01T00:00:00Z"))
        if deadline.timestamp() * 1000 < self.market.now_ms():
            raise Refused("late")
        stop = asked["ordertype"] == "stop-loss"
        order = self.market.new(
            asked["cl_ord_id"], asked["type"], "stop" if stop else asked["ordertype"], asked["volume"],
            None if stop else asked.get("price"), asked["price"] if stop else None, False,
            "post" in asked.get("oflags", ""), asked.get("timeinforce") == "IOC",
        )  # fmt: skip
        return {
            "descr": {"order": f"{order.side} {order.qty} XBTUSD @ {order.kind} {order.price}"},
            "txid": [_txid(order.ref)],
        }

    def cancel(self, asked: dict[str, str]) -> dict[str, Any]:
        """CancelOrder."""
        self.market.cancel(_ref(asked["txid"]))
        return {"count": 1}

    def amend(self, asked: dict[str, str]) -> dict[str, Any]:
        """AmendOrder."""
        self.market.amend(_ref(asked["txid"]), asked.get("order_qty"), asked.get("limit_price"),
                          asked.get("trigger_price"))  # fmt: skip
        return {"amend_id": "TAMEND"}

    def cancel_all(self, _asked: dict[str, str]) -> dict[str, Any]:
        """CancelAll."""
        found = self.market.open()
        for order in found:
            self.market.cancel(order.ref)
        return {"count": len(found)}

    def cancel_after(self, asked: dict[str, str]) -> dict[str, Any]:
        """CancelAllOrdersAfter."""
        self.market.arm(int(asked["timeout"]))
        return {"currentTime": "2023-03-24T17:41:56Z", "triggerTime": "2023-03-24T17:42:56Z"}

    def open_orders(self, asked: dict[str, str]) -> dict[str, Any]:
        """OpenOrders."""
        return {"open": self.named(asked, self.market.open())}

    def closed_orders(self, asked: dict[str, str]) -> dict[str, Any]:
        """ClosedOrders."""
        found = [order for order in self.market.orders.values() if order.state != "open"]
        return {"closed": self.named(asked, found), "count": len(found)}

    def named(self, asked: dict[str, str], orders: list[Order]) -> dict[str, Any]:
        """The orders of a client order id, or all."""
        wire = asked.get("cl_ord_id")
        return {_txid(o.ref): self.shown(o) for o in orders if wire in (None, o.wire)}

    def query(self, asked: dict[str, str]) -> dict[str, Any]:
        """QueryOrders."""
        order = self.market.orders.get(_ref(asked["txid"]))
        if order is None:
            raise Refused("missing")
        return {_txid(order.ref): self.shown(order)}

    def trades(self, asked: dict[str, str]) -> dict[str, Any]:
        """TradesHistory: the newest first, 50 a page."""
        start = float(asked.get("start", 0)) * 1000
        found = [e for e in reversed(self.market.executions) if e.at_ms > start]
        first = int(asked.get("ofs", 0))
        page = found[first : first + 50]
        return {"trades": {f"T{e.trade}": self.executed(e) for e in page}, "count": len(found)}

    def shown(self, order: Order) -> dict[str, Any]:
        """An order."""
        return {
            "refid": None, "userref": None, "cl_ord_id": order.wire, "status": STATES[order.state],
            "opentm": order.at_ms / 1000 + order.ref / 1e9, "vol": str(order.qty),
            "vol_exec": str(order.filled), "cost": str(order.cost), "fee": "0", "price": "0",
            "descr": {
                "pair": "XBTUSD", "type": order.side, "price2": "0",
                "ordertype": "stop-loss" if order.stop is not None else order.kind,
                "price": str(order.stop or order.price or "0"),
            },
        }  # fmt: skip

    def executed(self, execution: Execution) -> dict[str, Any]:
        """An execution."""
        return {
            "ordertxid": _txid(execution.ref), "pair": "XXBTZUSD", "time": execution.at_ms / 1000,
            "type": execution.side, "price": str(execution.price), "vol": str(execution.qty),
            "cost": str(execution.qty * execution.price), "fee": str(execution.fee),
            "maker": execution.maker, "trade_id": execution.trade,
        }  # fmt: skip

    def hear(self, ws: WebSocket, told: dict[str, Any]) -> list[Any]:
        """Subscriptions; and an order, for the gate's own test."""
        if told.get("method") == "subscribe" and told["params"]["channel"] != "executions":
            self.follow(ws)
            return [{"method": "subscribe", "result": {"channel": "ticker"}, "success": True}]
        if told.get("method") == "subscribe":
            self.subscribe(ws)
            return [{"method": "subscribe", "result": {"channel": "executions"}, "success": True,
                     "req_id": told.get("req_id")},
                    {"channel": "executions", "type": "snapshot", "data": [], "sequence": 1}]  # fmt: skip
        if told.get("method") == "add_order":
            asked = told["params"]
            self.market.new(asked["cl_ord_id"], asked["side"], asked["order_type"],
                            str(asked["order_qty"]), str(asked["limit_price"]))  # fmt: skip
        return [
            {
                "method": told.get("method"),
                "success": True,
                "req_id": told.get("req_id"),
                "result": {},
            }
        ]

    def book(self, bid: Decimal, ask: Decimal) -> Any:
        """The ticker."""
        return {"channel": "ticker", "type": "update", "data": [{
            "symbol": "BTC/USD", "bid": float(bid), "bid_qty": 1.0, "ask": float(ask),
            "ask_qty": 1.0, "last": float(bid), "volume": 1.0, "vwap": 1.0, "low": 1.0,
            "high": 1.0, "change": 0.0, "change_pct": 0.0,
        }]}  # fmt: skip

    def message(self, order: Order) -> Any:
        """An execution report, with the JSON numbers that Kraken sends."""
        return {"channel": "executions", "type": "update", "sequence": order.ref, "data": [{
            "order_id": _txid(order.ref), "cl_ord_id": order.wire, "symbol": "BTC/USD",
            "side": order.side, "order_type": order.kind, "order_qty": float(order.qty),
            "cum_qty": float(order.filled), "cum_cost": float(order.cost), "exec_type": "status",
            "order_status": "new", "timestamp": "2023-09-22T10:33:05.709950Z",
        }]}  # fmt: skip


def _ok(result: Any) -> dict[str, Any]:
    return {"error": [], "result": result}


def _txid(ref: int) -> str:
    return f"O{ref}-AAAAA-BBBBBB"


def _ref(txid: str) -> int:
    digits = txid[1:].partition("-")[0]
    return int(digits) if digits.isdigit() else 0

"""Binance's dialect, spot and USD-M, as far as the connector and ccxt speak it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.exchanges.market import Execution, Market, Order, Refused
from tests.exchanges.serving import LocalExchange

ERRORS = {
    "unknown": (400, -2011, "Unknown order sent."),
    "missing": (400, -2013, "Order does not exist."),
    "lot": (400, -1013, "Filter failure: LOT_SIZE"),
    "tick": (400, -1013, "Filter failure: PRICE_FILTER"),
    "notional": (400, -1013, "Filter failure: NOTIONAL"),
    "funds": (400, -2010, "Account has insufficient balance for requested action."),
    "post_only": (400, -2010, "Order would immediately match and take."),
    "reduce_only": (400, -2022, "ReduceOnly Order is rejected."),
    "duplicate": (400, -2010, "Duplicate order sent."),
    "qty": (400, -4003, "Quantity less than or equal to zero."),
    "clock": (400, -1021, "Timestamp for this request is outside of the recvWindow."),
    "maintenance": (503, -1016, "System is under maintenance."),
}
FILTERS = ("LOT_SIZE", "MARKET_LOT_SIZE")


class BinanceSpot(LocalExchange):
    """api/v3, with its user data stream."""

    root = "/api/v3"

    def __init__(self) -> None:
        super().__init__(Market(spot=True, stops_apart=False))

    def routes(self) -> list[Route | WebSocketRoute]:
        """The paths."""
        root = self.root
        return [
            self.get(f"{root}/exchangeInfo", lambda _: self.info()),
            self.get(f"{root}/time", lambda _: {"serverTime": self.market.now_ms()}),
            self.get(
                f"{root}/ticker/price",
                lambda _: {"symbol": "BTCUSDT", "price": str(self.market.last)},
            ),
            self.get(f"{root}/account", lambda asked: self.account(self.timed(asked))),
            self.on("POST", f"{root}/order", lambda asked: self.new(self.timed(asked))),
            self.on("DELETE", f"{root}/order", lambda asked: self.cancel(self.timed(asked))),
            self.get(f"{root}/order", lambda asked: self.shown(self.find(self.timed(asked)))),
            self.get(f"{root}/openOrders", lambda asked: self.listed(self.timed(asked))),
            self.on(
                "DELETE", f"{root}/openOrders", lambda asked: self.cancel_all(self.timed(asked))
            ),
            self.get(f"{root}/myTrades", lambda asked: self.trades(self.timed(asked))),
            *self.more(),
            WebSocketRoute("/ws/{stream}", lambda ws: self.talk(ws, self.hear)),
            WebSocketRoute("/ws-api/v3", lambda ws: self.talk(ws, self.hear)),
        ]

    def more(self) -> list[Route | WebSocketRoute]:
        """What futures have beside."""
        return []

    def error(self, why: str) -> Response:
        """A code and a text."""
        status, code, text = ERRORS[why]
        return JSONResponse({"code": code, "msg": text}, status)

    def timed(self, asked: dict[str, str]) -> dict[str, str]:
        """The request, unless it is too old or from the future."""
        age_ms = self.market.now_ms() - int(asked["timestamp"])
        if age_ms > int(asked.get("recvWindow", "5000")) or age_ms < -1000:
            raise Refused("clock")
        return asked

    def info(self) -> dict[str, Any]:
        """exchangeInfo."""
        market = self.market
        filters: list[dict[str, Any]] = [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.1",
                "maxPrice": "1000000",
                "tickSize": str(market.tick),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": str(market.min_notional),
                "notional": str(market.min_notional),
            },
        ]
        filters += [
            {
                "filterType": kind,
                "minQty": str(market.lot),
                "maxQty": "9000",
                "stepSize": str(market.lot),
            }
            for kind in FILTERS
        ]
        return {
            "timezone": "UTC",
            "rateLimits": [],
            "symbols": [self.symbol() | {"filters": filters}],
        }

    def symbol(self) -> dict[str, Any]:
        """The one that there is."""
        return {
            "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
            "baseAssetPrecision": 8, "quotePrecision": 8, "isSpotTradingAllowed": True,
            "permissions": ["SPOT"], "permissionSets": [["SPOT"]],
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"],
        }  # fmt: skip

    def account(self, _asked: dict[str, str]) -> dict[str, Any]:
        """Balances."""
        held = {"BTC": self.market.base, "USDT": self.market.quote}
        return {"balances": [{"asset": a, "free": str(q), "locked": "0"} for a, q in held.items()]}

    def new(self, asked: dict[str, str]) -> dict[str, Any]:
        """POST order."""
        kind = {"MARKET": "market", "STOP_LOSS": "stop"}.get(asked["type"], "limit")
        order = self.market.new(
            asked["newClientOrderId"], asked["side"].lower(), kind, asked["quantity"],
            asked.get("price"), asked.get("stopPrice"), asked.get("reduceOnly") == "true",
            asked["type"] == "LIMIT_MAKER" or asked.get("timeInForce") == "GTX",
            asked.get("timeInForce") == "IOC",
        )  # fmt: skip
        return self.shown(order)

    def find(self, asked: dict[str, str]) -> Order:
        """The order that is asked for, of those that this service has."""
        if "orderId" in asked:
            wanted = int(asked["orderId"])
            found = [o for o in self.market.orders.values() if wanted in (o.ref, o.triggered)]
        else:
            found = [
                o
                for o in self.market.orders.values()
                if self.called(o) == asked["origClientOrderId"]
            ]
        found = [order for order in found if self.here(order)]
        if not found:
            raise Refused("missing")
        return found[-1]

    def here(self, _order: Order) -> bool:
        """Whether the order is one of this service."""
        return True

    def cancel(self, asked: dict[str, str]) -> dict[str, Any]:
        """DELETE order."""
        try:
            return self.shown(self.market.cancel(self.find(asked).ref))
        except Refused as refused:
            raise Refused("unknown") from refused

    def cancel_all(self, _asked: dict[str, str]) -> Any:
        """DELETE openOrders."""
        found = self.market.open()
        if not found:
            raise Refused("unknown")
        return [self.shown(self.market.cancel(order.ref)) for order in found]

    def listed(self, _asked: dict[str, str]) -> list[dict[str, Any]]:
        """GET openOrders."""
        return [self.shown(order) for order in self.market.open() if self.here(order)]

    def trades(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        """GET myTrades: from a trade on, or from a time on."""
        first, begin = int(asked.get("fromId", 0)), int(asked.get("startTime", 0))
        found = [e for e in self.market.executions if e.trade >= first and e.at_ms >= begin]
        return [self.executed(execution) for execution in found[: int(asked.get("limit", 500))]]

    def shown(self, order: Order) -> dict[str, Any]:
        """An order."""
        states = {"open": "PARTIALLY_FILLED" if order.filled else "NEW", "filled": "FILLED",
                  "cancelled": "CANCELED"}  # fmt: skip
        kind = {"market": "MARKET", "stop": "STOP_LOSS"}.get(order.kind, "LIMIT")
        return {
            "symbol": "BTCUSDT", "orderId": order.triggered or order.ref,
            "clientOrderId": self.called(order), "side": order.side.upper(), "type": kind,
            "price": str(order.price or "0.00000000"), "origQty": str(order.qty),
            "executedQty": str(order.filled), "cummulativeQuoteQty": str(order.cost),
            "status": states[order.state], "stopPrice": str(order.stop or "0.00000000"),
            "time": order.at_ms, "updateTime": order.at_ms, "reduceOnly": order.reduce_only,
        }  # fmt: skip

    def called(self, order: Order) -> str:
        """Its client order id."""
        return order.wire

    def executed(self, execution: Execution) -> dict[str, Any]:
        """An execution."""
        buyer, maker = execution.side == "buy", execution.maker
        return {
            "symbol": "BTCUSDT", "id": execution.trade, "orderId": execution.ref,
            "price": str(execution.price), "qty": str(execution.qty), "commission": str(execution.fee),
            "commissionAsset": "USDT", "time": execution.at_ms, "isBuyer": buyer, "isMaker": maker,
            "buyer": buyer, "maker": maker, "side": execution.side.upper(),
        }  # fmt: skip

    def hear(self, ws: WebSocket, told: dict[str, Any]) -> list[Any]:
        """The WebSocket API."""
        if told["method"].startswith("userDataStream.subscribe"):
            self.subscribe(ws)
            return [{"id": told["id"], "status": 200, "result": {"subscriptionId": 0}}]
        if told["method"] == "SUBSCRIBE":
            self.follow(ws)
            return [{"result": None, "id": told["id"]}]
        if told["method"] == "order.place":
            asked = {key: str(value) for key, value in told["params"].items()}
            return [{"id": told["id"], "status": 200, "result": self.new(asked)}]
        return [{"id": told["id"], "status": 200, "result": {}}]

    def book(self, bid: Decimal, ask: Decimal) -> Any:
        """bookTicker."""
        return {"e": "bookTicker", "u": 1, "s": "BTCUSDT", "b": str(bid), "B": "1", "a": str(ask),
                "A": "1", "T": self.market.now_ms(), "E": self.market.now_ms()}  # fmt: skip

    def message(self, order: Order) -> Any:
        """executionReport."""
        shown = self.shown(order)
        return {"subscriptionId": 0, "event": {
            "e": "executionReport", "E": order.at_ms, "s": "BTCUSDT", "c": order.wire, "C": "",
            "S": shown["side"], "o": shown["type"], "f": "GTC", "q": shown["origQty"],
            "p": shown["price"], "P": shown["stopPrice"], "x": "TRADE" if order.filled else "NEW",
            "X": shown["status"], "i": shown["orderId"], "l": "0", "z": shown["executedQty"],
            "L": "0", "n": "0", "N": None, "T": order.at_ms, "t": -1, "w": True, "m": False,
            "O": order.at_ms, "Z": shown["cummulativeQuoteQty"], "Y": "0", "Q": "0",
        }}  # fmt: skip


class BinanceUsdm(BinanceSpot):
    """fapi/v1, with stops in the algo service."""

    root = "/fapi/v1"

    def __init__(self) -> None:
        LocalExchange.__init__(self, Market(spot=False, stops_apart=True))

    def symbol(self) -> dict[str, Any]:
        """The perpetual."""
        return super().symbol() | {
            "pair": "BTCUSDT", "contractType": "PERPETUAL", "marginAsset": "USDT", "contractSize": 1,
            "pricePrecision": 1, "quantityPrecision": 3, "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000, "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
            "orderTypes": ["LIMIT", "MARKET", "STOP_MARKET"],
        }  # fmt: skip

    def more(self) -> list[Route | WebSocketRoute]:
        """Algo orders, positions, countdown."""
        root = self.root
        return [
            self.on("PUT", f"{root}/order", lambda asked: self.amend(self.timed(asked))),
            self.get(f"{root}/userTrades", lambda asked: self.trades(self.timed(asked))),
            self.on("DELETE", f"{root}/allOpenOrders", lambda _: self.cancel_these(False)),
            self.on("POST", f"{root}/algoOrder", lambda asked: self.new_algo(self.timed(asked))),
            self.on("DELETE", f"{root}/algoOrder", lambda asked: self.cancel_algo(asked)),
            self.get(f"{root}/algoOrder", lambda asked: self.shown_algo(self.algo(asked))),
            self.get(f"{root}/openAlgoOrders", lambda _: self.algos()),
            self.on("DELETE", f"{root}/algoOpenOrders", lambda _: self.cancel_these(True)),
            self.on("POST", f"{root}/countdownCancelAll", self.countdown, changes=False),
            self.get("/fapi/v2/positionRisk", lambda _: [
                {"symbol": "BTCUSDT", "positionAmt": str(self.market.base), "positionSide": "BOTH"}]),
            self.get("/fapi/v2/balance", lambda _: [
                {"asset": "USDT", "balance": str(self.market.quote)}]),
            self.on("POST", f"{root}/listenKey", lambda _: {"listenKey": "key"}, changes=False),
            self.on("PUT", f"{root}/listenKey", lambda _: {"listenKey": "key"}, changes=False),
            WebSocketRoute("/{path:path}", self.stream),
        ]  # fmt: skip

    async def stream(self, ws: WebSocket) -> None:
        """The stream of a listen key: nobody subscribes."""

        self.subscribe(ws)
        await self.talk(ws, self.hear)

    def here(self, order: Order) -> bool:
        """A stop is here once it has triggered."""
        return order.stop is None or bool(order.triggered)

    def called(self, order: Order) -> str:
        """What a stop becomes has a name of its own."""
        return order.wire if order.stop is None else f"autoclose-{order.triggered}"

    def amend(self, asked: dict[str, str]) -> dict[str, Any]:
        """PUT order."""
        order = self.find(asked)
        return self.shown(self.market.amend(order.ref, asked["quantity"], asked["price"], None))

    def new_algo(self, asked: dict[str, str]) -> dict[str, Any]:
        """POST algoOrder."""
        return self.shown_algo(self.market.new(
            asked["clientAlgoId"], asked["side"].lower(), "stop", asked["quantity"], None,
            asked["triggerPrice"], asked.get("reduceOnly") == "true",
        ))  # fmt: skip

    def algo(self, asked: dict[str, str]) -> Order:
        """The stop that is asked for."""
        stops = [order for order in self.market.orders.values() if order.stop is not None]
        key = asked.get("algoId")
        found = [
            o for o in stops if (str(o.ref) == key if key else o.wire == asked["clientAlgoId"])
        ]
        if not found:
            raise Refused("missing")
        return found[-1]

    def algos(self) -> list[dict[str, Any]]:
        """GET openAlgoOrders."""
        return [self.shown_algo(order) for order in self.market.open() if not self.here(order)]

    def cancel_algo(self, asked: dict[str, str]) -> dict[str, Any]:
        """DELETE algoOrder."""
        order = self.algo(asked)
        if order.triggered:
            raise Refused("unknown")
        return self.shown_algo(self.market.cancel(order.ref))

    def cancel_these(self, algos: bool) -> dict[str, Any]:
        """DELETE of everything of one service."""
        for order in self.market.open():
            if self.here(order) != algos:
                self.market.cancel(order.ref)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def countdown(self, asked: dict[str, str]) -> dict[str, Any]:
        """POST countdownCancelAll."""
        self.market.arm(int(asked["countdownTime"]) / 1000)
        return {"symbol": "BTCUSDT", "countdownTime": asked["countdownTime"]}

    def shown_algo(self, order: Order) -> dict[str, Any]:
        """A stop."""
        states = {"open": "TRIGGERED" if order.triggered else "NEW", "filled": "FINISHED",
                  "cancelled": "FINISHED" if order.triggered else "CANCELED"}  # fmt: skip
        return {
            "algoId": order.ref, "clientAlgoId": order.wire, "algoType": "CONDITIONAL",
            "orderType": "STOP_MARKET", "symbol": "BTCUSDT", "side": order.side.upper(),
            "quantity": str(order.qty), "algoStatus": states[order.state],
            "triggerPrice": str(order.stop), "reduceOnly": order.reduce_only,
            "actualOrderId": str(order.triggered or ""), "createTime": order.at_ms,
        }  # fmt: skip

    def message(self, order: Order) -> Any:
        """ORDER_TRADE_UPDATE."""
        spot = super().message(order)["event"]
        return {"e": "ORDER_TRADE_UPDATE", "E": spot["E"], "T": spot["T"],
                "o": spot | {"ap": "0", "sp": spot["P"], "R": order.reduce_only, "ps": "BOTH",
                             "rp": "0", "ot": spot["o"], "wt": "CONTRACT_PRICE"}}  # fmt: skip

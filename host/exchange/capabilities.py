"""What each exchange can do, as far as we have tried or read: one table, and docs/exchanges.md of it.

ccxt's own `has` is not enough: it says True for Bybit's dead man's switch, which does nothing by itself,
and nothing for four exchanges that have one. `tested` rows are held to the contract of tests/venues
through the real client against local servers; the others come from ccxt 4.5 and the exchanges' documents,
and `bot4 run --live` refuses them.
"""

import math
from dataclasses import dataclass

from host.exchange import traffic
from host.exchange.ids import Form
from host.exchange.traffic import Traffic


@dataclass(frozen=True)
class Deadman:
    """The exchange's own switch that cancels when it is not told again in time.

    method -- of its API; empty: the exchange has one that the connector does not use
    scope -- which orders it takes
    least_s, most_s -- that it can be set to; None: its documents do not say
    delay -- how late it may act
    stops -- it takes protective stops as well; None: its documents do not say, so it is assumed
    """

    method: str
    scope: str
    least_s: float | None
    most_s: float | None
    delay: str
    stops: bool | None
    note: str = ""

    def fitting_ms(self, wanted_ms: int) -> int:
        """Return the nearest time that can be set; 0 (never) stays."""
        least, most = self.least_s or 0, self.most_s or math.inf
        return int(min(max(wanted_ms, least * 1000), most * 1000)) if wanted_ms else 0

    @property
    def range(self) -> str:
        """The times that can be set, in words."""
        if self.least_s is None and self.most_s is None:
            return "not said"
        return f"from {self.least_s:g} s" + (f" to {self.most_s:g} s" if self.most_s else "")


@dataclass(frozen=True)
class Exchange:
    """One exchange under its ccxt id.

    can -- words of host.venues.capabilities that the connector keeps there
    oco, amend -- what the exchange has, whether the connector uses it or not
    fills -- how it reports executions: each one, or the order's sum
    ids -- form of the client order id
    burst -- questions at once, in ccxt's units of cost, before its pace is kept
    poll_ms -- time between two looks at the account that nothing has called for
    testnet -- ends of the names of its test network's hosts; empty where it has none of its own
    """

    id: str
    name: str
    tested: bool
    can: frozenset[str]
    oco: str
    amend: str
    fills: str
    ids: Form
    reduce_only: str
    deadman: Deadman | None = None
    traffic: Traffic = traffic.ANY
    note: str = ""
    burst: float = 20.0
    poll_ms: int = 2_000
    testnet: tuple[str, ...] = ()


def _can(words: str) -> frozenset[str]:
    return frozenset(words.split())


EACH, SUM = "each execution", "the order's sum"
NOTHING: frozenset[str] = frozenset()

ROWS = (
    Exchange(
        "binance", "Binance spot", True, _can("stop post_only ioc"),
        "order list; not used", "quantity down only; not used", EACH, Form("dashed", 36),
        "no: spot sells what is there", None, traffic.BINANCE,
        "stops are market orders (STOP_LOSS); no dead man's switch: the host must cancel",
        testnet=("testnet.binance.vision",),
    ),
    Exchange(
        "binanceusdm", "Binance USD-M", True,
        _can("amend stop reduce_only post_only ioc deadman deadman_stops"),
        "no", "price and quantity of limit orders", EACH, Form("dashed", 36), "yes",
        Deadman("POST /fapi/v1/countdownCancelAll", "one symbol", None, None, "10 ms", None),
        traffic.BINANCE, "stops live in a service of their own (algo orders)",
        testnet=("binancefuture.com",),
    ),
    Exchange(
        "kraken", "Kraken spot", True, _can("amend stop post_only ioc deadman deadman_stops"),
        "no", "yes", EACH, Form("uuid", 36), "no: margin only",
        Deadman("POST /0/private/CancelAllOrdersAfter", "the account", 1, 86_400, "not said", True,
                "fires once; off before maintenance, or it fires on return"),
        traffic.KRAKEN,
        # A counter of 15, which a list of orders raises by 1 and falls by 0.33 a second (ccxt: 3 a list).
        "allows few questions: reconcile every 10 s at most", burst=45.0, poll_ms=10_000,
    ),
    Exchange(
        "okx", "OKX", True,
        _can("amend stop reduce_only post_only ioc deadman deadman_stops"),
        "algo order; not used", "yes", EACH, Form("packed", 32), "derivatives",
        Deadman("POST /api/v5/trade/cancel-all-after", "the account", 10, 120, "not said", None),
        traffic.OKX, "stops are algo orders; contracts are sized in ctVal, quantities here in base",
    ),
    Exchange(
        "bybit", "Bybit", False, NOTHING, "no", "yes", EACH, Form("dashed", 36), "derivatives",
        Deadman("", "the account", 3, 300, "about 10 s", None,
                "acts only with a private connection that has subscribed to `dcp`, where Bybit has "
                "enabled it; ccxt's cancelAllOrdersAfter sets the window alone"),
    ),
    Exchange("coinbase", "Coinbase", False, NOTHING, "bracket only", "limit orders", SUM,
             Form("dashed", 36), "no"),
    Exchange(
        "kucoin", "KuCoin", False, NOTHING, "spot", "cancels and places anew", EACH,
        Form("dashed", 40), "derivatives",
        Deadman("", "up to 50 symbols", 5, 86_400, "0-10 s", None,
                "skipped for a pair that cannot be cancelled"),
    ),
    Exchange(
        "gate", "Gate", False, NOTHING, "no", "yes", EACH, Form("short", 30, "t-"), "derivatives",
        Deadman("", "one pair, or the account", None, None, "not said", None),
    ),
    Exchange("bitget", "Bitget", False, NOTHING, "no", "yes", EACH, Form("dashed", 36), "derivatives",
             Deadman("", "the account", None, None, "not said", None, "unified accounts only")),
    Exchange("bitstamp", "Bitstamp", False, NOTHING, "no", "replaces", EACH, Form("dashed", 36), "no"),
    Exchange("gemini", "Gemini", False, NOTHING, "no", "no", EACH, Form("dashed", 36), "no",
             Deadman("", "the session", None, None, "not said", None, "heartbeat keys; not verified")),
    Exchange(
        "hyperliquid", "Hyperliquid", False, NOTHING, "no", "yes", EACH, Form("hex", 34, "0x"), "yes",
        Deadman("", "the account", 5, None, "not said", True,
                "fires at most 10 times a day; ccxt 4.5 cannot clear it"),
    ),
)  # fmt: skip
BY_ID = {row.id: row for row in ROWS}


def of(exchange_id: str) -> Exchange:
    """Return the row of a ccxt id; one that has none gets the most cautious there is."""
    return BY_ID.get(exchange_id) or Exchange(
        exchange_id, exchange_id, False, NOTHING, "not known", "not known", SUM,
        Form("packed", 32), "not known",
    )  # fmt: skip


def why_not_live(exchange_id: str) -> str:
    """Return why no real order may go to this exchange, or nothing when it may."""
    row = of(exchange_id)
    if row.tested:
        return ""
    known = exchange_id in BY_ID
    what = "is untested" if known else "is not in the table of exchanges (docs/exchanges.md)"
    tested = ", ".join(row.id for row in ROWS if row.tested)
    return f"{exchange_id} {what}: real orders go to tested exchanges alone ({tested})"

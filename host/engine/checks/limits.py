"""Every rail of the pre-trade checks. Each must be set, or loosened with a reason; none has a default.

Texts are checked after the conversion, not by Meta(pattern=...): msgspec 0.22 crashes with it when a
process ends or collects (github.com/msgspec/msgspec/issues/717; seen in 12 of 40 starts).
"""

import math
import re
from typing import Annotated

import msgspec
from msgspec import Meta

LOOSENED = re.compile(r"loosened: \S.*")
NAME = re.compile(r"[A-Za-z0-9_/-]{1,16}")
Rail = Annotated[float, Meta(gt=0, le=1e12)] | str
Share = Annotated[float, Meta(gt=0, le=1)] | str
Count = Annotated[int, Meta(ge=1, le=10**9)] | str
MOST_NAMES = 64
Names = Annotated[list[str], Meta(max_length=MOST_NAMES)] | str
# A window shorter than its least would hold nothing, and the rail nobody back.
Window = Annotated[float, Meta(ge=0.001, le=30 * 86_400)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one strategy at one venue; quote currency, base units, seconds and counts.

    In REDUCED every limit on value, quantity and number of open orders is halved.
    """

    max_order_value_quote: Annotated[Rail, Meta(description="value of one order")]
    max_order_quantity_base: Annotated[Rail, Meta(description="quantity of one order")]
    max_position_value_quote: Annotated[
        Rail, Meta(description="value of the position if every open entry fills")
    ]
    max_open_orders: Annotated[Count, Meta(description="open orders")]
    max_open_value_quote: Annotated[Rail, Meta(description="value of all open entries")]
    max_strategy_value_quote: Annotated[Rail, Meta(description="capital used by the strategy")]
    max_account_value_quote: Annotated[
        Rail, Meta(description="capital used by all strategies at all venues")
    ]
    max_loss_quote: Annotated[
        Rail, Meta(description="fall of the equity from its highest in the loss window")
    ]
    loss_window_s: Annotated[Window, Meta(description="length of the rolling loss window")]
    price_collar_share: Annotated[Share, Meta(description="distance from the last price")]
    price_window_share: Annotated[
        Share, Meta(description="distance from the average price of the price window")
    ]
    price_window_s: Annotated[Window, Meta(description="length of the rolling price window")]
    max_messages_per_s: Annotated[
        Count, Meta(description="messages of any kind in one second, the reserve included")
    ]
    cancel_reserve_per_s: Annotated[
        int, Meta(ge=1, le=10**9, description="of these, kept for cancels and liquidation")
    ]
    max_orders_per_day: Annotated[Count, Meta(description="orders in any 24 hours")]
    max_executions: Annotated[
        Count, Meta(description="executions in the execution window before a person must re-arm")
    ]
    execution_window_s: Annotated[Window, Meta(description="length of the execution window")]
    duplicate_window_s: Annotated[
        Window | str, Meta(description="the same order again within this is a duplicate")
    ]
    restricted_instruments: Annotated[
        Names, Meta(description="instruments never to trade, at most 64")
    ]
    authorised_strategies: Annotated[
        Names, Meta(description="strategies that may send, at most 64")
    ]
    max_data_age_s: Annotated[Rail, Meta(description="age of the last market data")]
    max_var_share: Annotated[
        Share,
        Meta(description="value at risk (99 %, one bar) if every open entry fills, of the equity"),
    ]
    max_cvar_share: Annotated[
        Share, Meta(description="expected shortfall (99 %, one bar), likewise, of the equity")
    ]
    max_exposure_share: Annotated[
        Rail, Meta(description="value of the position if every open entry fills, of the equity")
    ]
    max_drawdown_share: Annotated[
        Share, Meta(description="fall of the equity from its highest since a person re-armed")
    ]
    max_forecast_age_s: Annotated[
        Rail,
        Meta(
            description="age of the forecast that VaR and CVaR are of, by the clock: how long the "
            "engine has known a bar that it does not include, or the modeller was silent"
        ),
    ]

    def __post_init__(self) -> None:
        """Refuse what is loosened without a reason, and a reserve without anything beside it."""
        for name, value in msgspec.structs.asdict(self).items():
            if isinstance(value, str):
                fits(name, value, LOOSENED)
            for item in value if isinstance(value, list) else ():
                fits(name, item, NAME)
        if self.cancel_reserve_per_s >= number(self.max_messages_per_s):
            raise ValueError("cancel_reserve_per_s: must be below max_messages_per_s")


def fits(name: str, value: str, pattern: re.Pattern) -> None:
    """Raise ValueError, which names the key, when a text is not of the form."""
    if not pattern.fullmatch(value):
        raise ValueError(f"{name}: {value[:40]!r} is not of the form `{pattern.pattern}`")


def number(rail: float | str) -> float:
    """Return the limit as a number; one that was loosened has no end."""
    return math.inf if isinstance(rail, str) else float(rail)


def nanoseconds(seconds: float) -> int:
    """Return a time in whole nanoseconds."""
    return int(seconds * 1e9)


def loosened(limits: Limits) -> dict[str, str]:
    """Return every rail that was loosened, with its reason."""
    values = msgspec.structs.asdict(limits)
    return {
        name: value.removeprefix("loosened: ")
        for name, value in values.items()
        if isinstance(value, str)
    }

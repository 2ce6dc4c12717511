"""Timers and bounds of the ladder."""

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from host.modes import OnKill

Millis = Annotated[int, Meta(ge=10, le=60_000)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Bps = Annotated[float, Meta(gt=0, le=5_000)]


class Emergency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the ladder does and how long it waits before it says that it is late.

    A deadline never ends a rung: it raises an alert, and the ladder keeps trying.
    """

    on_kill: Annotated[OnKill, Meta(description="what a kill does with what is at the venue")] = (
        OnKill.CANCEL_ENTRIES
    )
    retry_ms: Annotated[
        Millis, Meta(description="an answer that is not there by then is asked for again")
    ] = 500
    slice_wait_ms: Annotated[
        Millis, Meta(description="a slice that rests so long is taken off and planned anew")
    ] = 1_000
    cancel_deadline_s: Annotated[
        Seconds, Meta(description="alert when the cancel rung takes longer")
    ] = 5.0
    liquidate_deadline_s: Annotated[
        Seconds, Meta(description="alert when the liquidate rung takes longer")
    ] = 60.0
    slice_value_quote: Annotated[
        float, Meta(gt=0, le=1e9), Meta(description="largest value of one slice")
    ] = 1_000.0
    slippage_bps: Annotated[
        Bps, Meta(description="bound of the first slice from the mark, and what each adds")
    ] = 20.0
    most_slippage_bps: Annotated[Bps, Meta(description="widest bound of any slice")] = 200.0
    stop_distance_bps: Annotated[
        Bps, Meta(description="from the last price to the stop when no price can be had")
    ] = 300.0

    def __post_init__(self) -> None:
        """Refuse a widest bound below the first one (ValueError)."""
        if self.most_slippage_bps < self.slippage_bps:
            raise ValueError("most_slippage_bps: must not be below slippage_bps")

    def slippage(self, attempt: int) -> Decimal:
        """Return the bound of slice number `attempt` (from 0) as a share of the price."""
        bps = min(self.slippage_bps * (attempt + 1), self.most_slippage_bps)
        return Decimal(str(bps)) / 10_000

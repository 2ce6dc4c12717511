"""Timers and bounds of the ladder."""

from decimal import Decimal
from typing import Annotated

import msgspec

from host.modes import OnKill

Millis = Annotated[int, msgspec.Meta(ge=10, le=60_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Bps = Annotated[float, msgspec.Meta(gt=0, le=5_000)]


class Emergency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the ladder does and how long it waits before it says that it is late.

    A deadline never ends a rung: it raises an alert, and the ladder keeps trying.
    """

    on_kill: OnKill = OnKill.CANCEL_ENTRIES
    # ms. An answer that is not there by then is asked for again.
    retry_ms: Millis = 500
    # ms. How long a slice may rest before it is taken off and planned anew.
    slice_wait_ms: Millis = 1_000
    cancel_deadline_s: Seconds = 5.0
    liquidate_deadline_s: Seconds = 60.0
    # Quote currency. Largest value of one slice.
    slice_value_quote: Annotated[float, msgspec.Meta(gt=0, le=1e9)] = 1_000.0
    # Basis points from the mark: the first slice, what each unfilled one adds, and the bound.
    slippage_bps: Bps = 20.0
    most_slippage_bps: Bps = 200.0
    # Basis points from the last price: where a stop goes when no price can be had.
    stop_distance_bps: Bps = 300.0

    def slippage(self, attempt: int) -> Decimal:
        """Return the bound of slice number `attempt` (from 0) as a share of the price."""
        bps = min(self.slippage_bps * (attempt + 1), self.most_slippage_bps)
        return Decimal(str(bps)) / 10_000

"""What an exchange's refusal means, in the venue's own words; and when nobody knows."""

from __future__ import annotations

import ccxt

from host import refusals
from host.exchange.dialect import Hostile
from host.exchange.reasons import (
    CLOCK_SKEW,
    INSUFFICIENT_FUNDS,
    KEY_REFUSED,
    NOT_SENT,
    REFUSED_BY_EXCHANGE,
    THROTTLED,
)
from host.exchange.transport import Ticket
from host.venues import messages as m

# What an exchange writes: our word for it. The first that is found counts.
WRITTEN = (
    ("-2022", m.REDUCE_ONLY_WOULD_INCREASE),  # Binance USD-M
    ("51169", m.REDUCE_ONLY_WOULD_INCREASE),  # OKX: nothing to reduce
    ("51121", m.OFF_LOT),
    ("-5022", m.POST_ONLY_WOULD_TAKE),
    ("would immediately match and take", m.POST_ONLY_WOULD_TAKE),  # Binance spot
    ("Post only order", m.POST_ONLY_WOULD_TAKE),  # Kraken
    ("-4116", m.DUPLICATE_ID),
    ("51016", m.DUPLICATE_ID),
    ("uplicate order", m.DUPLICATE_ID),
    ("cl_ord_id", m.DUPLICATE_ID),
    ("Deadline", CLOCK_SKEW),  # Kraken
    ("Order minimum not met", m.BELOW_MIN_QTY),
    ("NOTIONAL", m.BELOW_MIN_NOTIONAL),
    ("PERCENT_PRICE", m.BEYOND_PRICE_BAND),
)
KINDS: tuple[tuple[type[Exception], str], ...] = (
    (ccxt.OnMaintenance, m.MAINTENANCE),
    (ccxt.OrderNotFound, m.UNKNOWN_ORDER),
    (ccxt.OrderNotFillable, m.POST_ONLY_WOULD_TAKE),
    (ccxt.DuplicateOrderId, m.DUPLICATE_ID),
    (ccxt.InsufficientFunds, INSUFFICIENT_FUNDS),
    (ccxt.AuthenticationError, KEY_REFUSED),
    (ccxt.DDoSProtection, THROTTLED),
    (ccxt.RateLimitExceeded, THROTTLED),
    (ccxt.InvalidNonce, CLOCK_SKEW),
    (ccxt.NotSupported, m.NOT_SUPPORTED),
)
# Errors that come after the exchange may have carried the request out: its answer was not understood.
_UNREADABLE = (ccxt.BadResponse, ccxt.NullResponse, Hostile)
_DEFINITE = (
    ccxt.ExchangeError,
    ccxt.OnMaintenance,
    ccxt.DDoSProtection,
    ccxt.RateLimitExceeded,
    ccxt.InvalidNonce,
)


def reason(error: Exception, ticket: Ticket | None) -> str | None:
    """Return why nothing happened at the exchange, or None when nobody knows whether it did.

    ticket -- of the order, None for a cancel
    """
    if isinstance(error, _DEFINITE) and not isinstance(error, _UNREADABLE):
        written = (word for text, word in WRITTEN if text in str(error))
        kinds = (word for kind, word in KINDS if isinstance(error, kind))
        return next(written, None) or next(kinds, REFUSED_BY_EXCHANGE)
    if ticket is None or ticket.sent:
        return None
    # The bytes never reached a socket: no connection, or the gate was shut.
    return refusals.NAMES[ticket.refused] if ticket.refused != refusals.SENT else NOT_SENT

"""Why an order did not leave: one table for gate, pre-trade checks, audit log and documents."""

REFUSALS = (
    # code, name, what it means
    (0, "SENT", "the request left the host"),
    (1, "MODE", "the mode does not permit this intent"),
    (2, "LEASE", "the guard has not renewed its lease"),
    (3, "HALT_LOW", "the HALT line reads low"),
    (4, "LEVEL_UNREADABLE", "the level of the HALT line cannot be read"),
    (5, "UNKNOWN_INTENT", "no such intent"),
    (6, "NO_TOKEN", "a liquidation without the token of the running ladder"),
    (7, "MODE_CORRUPT", "the mode word is not one that the guard writes"),
    (8, "WOULD_BLOCK", "the socket to the venue is full; nothing left"),
    (9, "SEND_FAILED", "the socket to the venue failed; the outcome is unknown"),
    (20, "POSITION_LIMIT", "the position would exceed its limit"),
    (21, "ORDER_VALUE_LIMIT", "the order is worth more than its limit"),
    (22, "OPEN_ORDERS_LIMIT", "too many orders are open"),
    (23, "PRICE_COLLAR", "the price is too far from the last one"),
    (24, "BAD_NUMBER", "quantity or price is not a positive finite number"),
    (25, "STALE_DATA", "the last market data is too old"),
    (26, "NOT_RECONCILED", "the venue has not yet confirmed position and open orders"),
)

NAMES = {code: name for code, name, _text in REFUSALS}
(
    SENT,
    MODE,
    LEASE,
    HALT_LOW,
    LEVEL_UNREADABLE,
    UNKNOWN_INTENT,
    NO_TOKEN,
    MODE_CORRUPT,
    WOULD_BLOCK,
    SEND_FAILED,
    POSITION_LIMIT,
    ORDER_VALUE_LIMIT,
    OPEN_ORDERS_LIMIT,
    PRICE_COLLAR,
    BAD_NUMBER,
    STALE_DATA,
    NOT_RECONCILED,
) = [row[0] for row in REFUSALS]

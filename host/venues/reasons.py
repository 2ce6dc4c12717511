"""Why a venue refuses a request, or ends an order that nobody cancelled: its own words, one table."""

ABOVE_MAX_QTY = "ABOVE_MAX_QTY"
BAD_MESSAGE = "BAD_MESSAGE"
BAD_PRICE = "BAD_PRICE"
BAD_QTY = "BAD_QTY"
BELOW_FILLED_QTY = "BELOW_FILLED_QTY"
BELOW_MIN_NOTIONAL = "BELOW_MIN_NOTIONAL"
BELOW_MIN_QTY = "BELOW_MIN_QTY"
BEYOND_PRICE_BAND = "BEYOND_PRICE_BAND"
DUPLICATE_ID = "DUPLICATE_ID"
MAINTENANCE = "MAINTENANCE"
NOT_SUPPORTED = "NOT_SUPPORTED"
OFF_LOT = "OFF_LOT"
OFF_TICK = "OFF_TICK"
POST_ONLY_WOULD_TAKE = "POST_ONLY_WOULD_TAKE"
REDUCE_ONLY_WOULD_INCREASE = "REDUCE_ONLY_WOULD_INCREASE"
TOO_MANY_ORDERS = "TOO_MANY_ORDERS"
UNKNOWN_OP = "UNKNOWN_OP"
UNKNOWN_ORDER = "UNKNOWN_ORDER"

IMMEDIATE = "IMMEDIATE_OR_CANCEL"
NOTHING_TO_REDUCE = "NOTHING_TO_REDUCE"
SIBLING = "SIBLING"

# The `reason` of reject, cancel_reject and amend_reject.
REFUSED = {
    ABOVE_MAX_QTY: "the quantity is above the largest of an order",
    BAD_MESSAGE: "the packet is no message, a field is missing or wrong, or its parts exclude each other",
    BAD_PRICE: "a price is no positive decimal, is missing, or has no place in an order of this type",
    BAD_QTY: "the quantity is no positive decimal",
    BELOW_FILLED_QTY: "the new quantity is not above what has been filled",
    BELOW_MIN_NOTIONAL: "quantity times price is below the least value of an order",
    BELOW_MIN_QTY: "the quantity is below the least of an order",
    BEYOND_PRICE_BAND: "the limit lies further from the mark than the band allows",
    DUPLICATE_ID: "an order of this id was there already: this request has made no second one",
    MAINTENANCE: "the venue is in maintenance and does nothing",
    NOT_SUPPORTED: "the venue has not got what the order asks for, and has done nothing",
    OFF_LOT: "the quantity is no whole number of steps",
    OFF_TICK: "a price is no whole number of ticks",
    POST_ONLY_WOULD_TAKE: "a post-only order would have been filled at once",
    REDUCE_ONLY_WOULD_INCREASE: "there is no position that the reduce-only order could take from",
    TOO_MANY_ORDERS: "the account has as many open orders as the venue holds",
    UNKNOWN_OP: "there is no such request",
    UNKNOWN_ORDER: "no such order is open",
}
# The `reason` of cancelled; empty where somebody asked for it.
ENDED = {
    IMMEDIATE: "what an immediate-or-cancel order did not get at once",
    NOTHING_TO_REDUCE: "the position that the reduce-only order was for is closed",
    POST_ONLY_WOULD_TAKE: "the price came to a post-only order before it rested",
    SIBLING: "the other leg of its OCO has ended",
}

"""Why a connector refuses a request, beside the words that every venue has (host.venues.reasons)."""

REFUSED_BY_EXCHANGE = "REFUSED_BY_EXCHANGE"
INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
THROTTLED = "THROTTLED"
CLOCK_SKEW = "CLOCK_SKEW"
KEY_REFUSED = "KEY_REFUSED"
NOT_SENT = "NOT_SENT"

REFUSED = {
    CLOCK_SKEW: "the exchange says that our time is wrong, also after the clock was set by its own",
    INSUFFICIENT_FUNDS: "the account has not got what the order needs",
    KEY_REFUSED: "the exchange does not take our key, or not for this",
    NOT_SENT: "no connection: nothing has left",
    REFUSED_BY_EXCHANGE: "the exchange refuses it in words that we have none for; they are on record",
    THROTTLED: "the exchange says that there were too many requests, twice",
}

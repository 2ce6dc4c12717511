"""What a venue can do beyond plain orders: the words of `Rules.can`, each with what it promises.

Every venue takes market and limit orders, cancels, and answers all questions; what it does not say it
`can`, the host does itself (OCO) or does without.
"""

CAPABILITIES = {
    "amend": "changes price, stop or quantity of an open order in its place",
    "oco": "holds a target and a stop of which the end of one is the end of the other",
    "ouo": "shrinks the other leg of an OCO with every partial fill",
    "stop": "holds a stop order by itself",
    "reduce_only": "never lets a reduce-only order open or flip a position",
    "post_only": "refuses a post-only order that would take",
    "ioc": "cancels at once what an immediate-or-cancel order does not fill",
    "deadman": "cancels the account's orders when it is not told again in time",
    "deadman_stops": "the dead man's switch takes protective stops as well",
}

"""Exchanges behind the protocol of host.venues: one connector process for each account.

capabilities what each exchange can do: one table
keys         API keys, which never show
ids          our order ids in each exchange's form, and back
traffic      which requests ask, which cancel, and that all others are orders
framing      complete requests out of the bytes that a client writes
transport    the gate at the socket write; host.hotpath.wiregate is its compiled part
client       ccxt, on that transport
dialect      what is asked of an exchange; binance, kraken, okx
reasons      our words for refusals that only an exchange has
outcomes     what a refusal means, and when nobody knows
checking     a request in the exchange's terms, or the rule that it breaks
account      orders and executions as they are known
looking      comparing them with the exchange's own lists
carrying     doing something at the exchange once, and finding out whether it was done
connector    each request and its answers; questions: those that change nothing
feed         market data
page         docs/exchanges.md
server       the Unix socket
process      how the process begins and ends; command: its arguments
"""

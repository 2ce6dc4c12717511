"""From an order that may leave to a position that is protected: no sockets, no clock, exact decimals.

Events of the venue (host.venues.events) go in, requests (host.venues.messages) come out through one
call that the engine gives. Times are passed in (ns of CLOCK_MONOTONIC); prices and quantities are
Decimal, averages and P&L Fraction, and none of them is ever a binary float.

manager     Manager: all of the below for one symbol at one venue; what the engine talks to

    Manager(rules, policy, make_id, send, tell)
        rules     Rules, from the venue's answer to `rules`
        policy    Policy: distances, hysteresis, budget, deadlines
        make_id   () -> str: a new client order id
        send      (request) -> Outcome: SENT, UNSENT (it never left) or UNKNOWN; here are journal and gate
        tell      (kind, **data): for the audit log; kind "alert" wants a person
    .hear(event, now_ns)            one event, as the dict of its packet or as an Ev: never raises
    .tick(now_ns, price=None)       call every pass: deadlines, remainders, repricing
    .enter(order, now_ns) -> str    an entry (messages.New): "" or the name of the rule that refuses it
    .sent(order, now_ns, role)      an order that left by another way (compiled path, ladder)
    .lost(order_id, now_ns)         nobody knows what became of it (restart)
    .disconnected(now_ns)           nobody knows what became of anything that was on its way
    .cancel(order_id, now_ns), .cancel_entries(now_ns)
    .adopt(orders, qty, cash, price, now_ns)   the venue's word after a reconciliation
    .orders (Orders), .position (Position), .watch (Watch), .alarms (Alarms)
    .active        False: nothing is placed or repriced (an emergency: the ladder decides)
    .questions()   ids to ask the venue about (`order`), and whether executions are missing (`fills`)

life        State, Event, TABLE: order life, state x event -> state
order       Order: what was asked for, what was filled, where it is
store       Store: what is open, what has ended not long ago; each step through the table
orders      Orders: what the venue says of them, one event at a time
fills       Execution, Cumulative: each execution once; cumulative reports as increments
position    Position: weighted average entry, fees by currency, realised and unrealised P&L
leaving     a part of the position is sold where a stop holds all of it (spot)
contingent  Protection: stop and target of the position (OTO, OUO, OCO), native or held by us
repricing   Leg, Policy: one resting order kept as wanted: amended, or replaced
budget      Budget: how many requests a second that may take
remainder   Remainders: what happens to the rest of an entry that was filled in part
rules       Rules, fit: rounds an order for its purpose, or refuses it with the rule's name
sending     Sender, Outcome: everything that leaves is noted first
watch       Watch: no position without a live stop, timed
alarms      ALARMS, Alarms: what wants a person, counted
exact       decimals that are never rounded in silence
page        docs/orders.md, from the tables
journal     what may be on its way, after a crash
"""

"""Pre-trade checks: every order passes all of them before it reaches the gate.

The engine runs `host.hotpath.riskcheck`, compiled. What lies here is its configuration (limits) and
its twin in plain Python: the same rules once more, written to be read. The two answer alike on
random orders, fills, clocks and configurations (tests/checks/test_twins.py), to the last bit: both
compute in IEEE doubles, in the same order.

RTS 6 article 15, SEC 15c3-5(c) and the FIA guides, by the letters of field notes 1.2b:

(a) price collars          price.py      (h) duplicates             identity.py
(b) order value            size.py       (i) restricted list        identity.py
(c) order volume           size.py       (j) authorised systems     identity.py
(d) messages, orders a day rate.py       (k) execution reports      every fill is an audit record
(e) immediate counting     checker.py    (l) kill                   the gate and the ladder
(f) repeated executions    rate.py       (m) cancel on disconnect   the ladder, on reconnection
(g) capital, rolling loss  size.py, loss.py   (n) position          size.py
    drawdown, VaR, CVaR    loss.py, risk.py

limits    every rail, set or consciously loosened
order     what is checked, and against what; which numbers are usable
windows   rolling counts, averages and maxima
checker   all of them in order
"""

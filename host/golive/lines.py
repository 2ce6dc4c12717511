"""The table of what must hold before real money is traded: one row a line of `bot4 ready`.

docs/ready.md is made from it (`python -m host.docs ready`).
"""

from collections.abc import Callable
from typing import NamedTuple

from host.golive import account, box, earned, shown
from host.golive.evidence import Evidence
from host.golive.judging import Finding


class Line(NamedTuple):
    """One row. max_age_days -- of the evidence; None where it is looked up when asked"""

    name: str
    must: str
    proof: str
    max_age_days: float | None
    judge: Callable[[Evidence], Finding]


LINES: tuple[Line, ...] = (
    Line("trust_root", "the auditor's key is there, and every result in the folder is signed with it",
         "the trust root, the folder of results", None, box.trust_root),
    Line("audit_log", "the log is whole, of this host, and its receipts were checked",
         "the log, verified now; signed `audit`", 7, box.audit_log),
    Line("hardware", "halt on a physical bench: at least 1,000 presses, all seen, the slowest below "
         "1 ms, no order after ACK, production's times, this firmware", "signed `hardware`", 30,
         box.hardware),
    Line("firmware", "the controller attests production's times and a build of these sources",
         "signed `attestation`", 30, box.attestation),
    Line("profile", "the configuration runs production's times", "the configuration", None,
         box.profile),
    Line("safety_tests", "every safety test of these sources passes, none skipped", "signed `safety`", 30,
         shown.safety),
    Line("performance", "the specification's table holds on this machine", "signed `performance`", 30,
         shown.performance),
    Line("forecasts", "the limits of volatility and return forecasts hold out of sample",
         "signed `forecast`", 30, shown.forecast),
    Line("value_at_risk", "the limits of the VaR back-test hold", "signed `var`", 30, shown.var),
    Line("no_leakage", "splits do not leak, training and test agree", "signed `leakage`", 30,
         shown.leakage),
    Line("capital", "at least 10,000 in the account", "signed `capital`", 7, account.capital),
    Line("paper_days", "60 to 90 days of paper trading without a gap, each vouched for by receipts",
         "`paper_day` records", 3, earned.paper_days),
    Line("paper_result", "a profit after fees and fixed costs of 140 a month", "`paper_day` records", 3,
         earned.paper_result),
    Line("drawdown", "at most 20 % (target: below 15 to 20 %)", "`paper_day` records", 3,
         earned.paper_drawdown),
    Line("sharpe", "1.5 to 2.0 a year after costs, or the miss is accepted",
         "`paper_day` records; signed `acceptance`, `trials`", 3, earned.sharpe),
    Line("win_rate", "above 55 % of closed trades, or the miss is accepted",
         "`paper_day` records; signed `acceptance`", 3, earned.win_rate),
    Line("venue", "a tested exchange, whose own dead man's switch was seen to fire, or that is accepted",
         "signed `venue`, `acceptance`", 30, account.venue),
    Line("proof_test", "the switch was pressed and closed the gate",
         "`controller_trip` and `gate_closed` records", 7, box.proof_test),
    Line("clock", "the clock is synchronised", "the kernel", None, account.clock),
    Line("keys", "secrets can be read by their owner alone, and the witness key is not on this host",
         "the files", None, account.keys),
)  # fmt: skip

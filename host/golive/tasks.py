"""The specification's nine tasks: what each needs, when it is done, and what was measured of it.

The list is cut from the specification's parts as they were built here; its figures are the criteria.
A task is reached when none of its lines of the gate is open. Figures are those of signed results; where
there is none the task says so and shows no figure.
"""

from typing import Any, NamedTuple

from host.golive.gate import Decision, Judged


class Task(NamedTuple):
    """One task. needs -- numbers of others; lines -- of the gate, that prove it"""

    number: int
    task: str
    needs: tuple[int, ...]
    criterion: str
    lines: tuple[str, ...]


TASKS = (
    Task(1, "kill switch, watchdog and controller", (),
         "HALT without the host's help; the controller attests these sources and production's times",
         ("firmware", "profile", "proof_test")),
    Task(2, "modes, gate and graduated emergency", (1,),
         "no order after ACK; no way out of EMERGENCY but by hand; every fault and attack in the tests",
         ("safety_tests", "keys")),
    Task(3, "tamper-evident audit log", (1, 2),
         "the whole chain verified, receipts checked with the witness key", ("audit_log",)),
    Task(4, "hardware in the loop", (1, 2, 3),
         "1,000 presses on a physical bench, the slowest below 1 ms, zero order leak", ("hardware",)),
    Task(5, "hot path: pools, decision, risk, inference, allocator", (2,),
         "decision < 1 us, risk < 10 us, pool < 100 ns, allocation < 10 ns, inference < 200 us, "
         "500 k operations/s, 5-10 k orders/s, 100 k risk checks/s", ("performance",)),
    Task(6, "ARIMA-GARCH forecasts, VaR and CVaR", (),
         "volatility 15-25 % better RMSE, VaR 20-30 % better than historical, as far as the data support",
         ("forecasts", "value_at_risk")),
    Task(7, "walk-forward validation with purge and embargo", (6,),
         "accuracy gap < 10 %, no leak between training and test", ("no_leakage",)),
    Task(8, "execution at the venue: partial fills, OCO, dead man's switch", (2, 5),
         "a tested exchange, its dead man's switch seen to fire, orders reconciled", ("venue",)),
    Task(9, "paper trading with enrichment, and the way to live", (3, 4, 5, 6, 7, 8),
         "60-90 days without a gap, profit after costs, Sharpe 1.5-2.0, win rate > 55 %, drawdown "
         "< 15-20 %, capital >= 10,000",
         ("paper_days", "paper_result", "drawdown", "sharpe", "win_rate", "capital")),
)  # fmt: skip

DEVIATIONS = (
    ("Rust, tokio and the mimalloc crate", "Python, asyncio and libmimalloc, with a compiled core"),
    ("LEDs and switch on the Pi", "on the microcontroller; the Pi reads back what drives the LEDs"),
    ("15-25 % better RMSE", "of volatility, against plain ARIMA; returns have no such gain"),
    ("20-30 % better VaR", "by pinball loss on equities; less on crypto currencies"),
)


def table(decision: Decision) -> dict[str, Any]:
    """Return {tasks, deviations} with what the gate found."""
    found = {line.line: line for line in decision.lines}
    return {"tasks": [_row(task, found) for task in TASKS], "deviations": list(DEVIATIONS)}


def _row(task: Task, found: dict[str, Judged]) -> dict[str, Any]:
    lines = [found[name] for name in task.lines]
    return {
        "number": task.number,
        "task": task.task,
        "needs": list(task.needs),
        "criterion": task.criterion,
        "reached": not any(line.open for line in lines),
        "lines": [
            {"line": line.line, "open": line.open, "found": line.found, "reason": line.reason}
            for line in lines
        ],
        "measured": [text for line in lines for text in _figures(line)],
    }


def _figures(line: Judged) -> list[str]:
    """Return the figures of a line, one text each."""
    texts = []
    for name, value in line.figures.items():
        if isinstance(value, dict):
            texts += [f"{key}: {_shown(each)}" for key, each in value.items()]
        else:
            texts.append(f"{name.replace('_', ' ')}: {_shown(value)}")
    return texts


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(_shown(each) for each in value.values())
    return f"{value:.4g}" if isinstance(value, float) else str(value)

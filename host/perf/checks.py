"""What the pre-trade checks and the gate's permit cost: `python -m host.perf.checks [--json]`.

Every order passes all checks of a configuration in which every rail is set and every window is
full; before each batch a part of the price window has left, so that its mean is added up anew.
Ends with 0 when every limit holds, 1 when one does not, 2 on wrong use.
"""

import sys
from typing import Any

import msgspec

from host import layout, modes, shm
from host.engine.checks.limits import Limits
from host.engine.checks.windows import BUCKETS
from host.hotpath.gate import Gate
from host.hotpath.riskbench import check, check_and_count, empty
from host.hotpath.riskcheck import RiskCheck
from host.hotpath.riskorder import Facts, Proposal
from host.hotpath.words import Words, now_ns
from host.modes import Intent, Reason, TradingMode
from host.perf.command import run
from host.perf.timing import Row, empty_batches, python_batches, row

BATCHES = 20_000
# Of the permit, at 64 calls each: some 10 ms, where a lease holds for a second.
LEASE_BATCHES = 1_000
# ns. Blueprint: gate permit, all pre-trade checks, and 5 million checks a second in compiled code.
PERMIT_NS, CHECKS_NS, COMPILED_NS = 150.0, 1_000.0, 200.0
PRICE, WINDOW_S = 100.0, 60
SECOND_NS = 1_000_000_000
ORDER = ("trend.18c2f0a1b2c.7.42", "trend", "PAPER", 1, 1.0, PRICE, True)
# Rails that bind nothing here, and are compared all the same.
NEVER = 10**9


def rows(batches: int = BATCHES) -> list[Row]:
    """Measure; raise RuntimeError when an order did not pass, and so not all checks were timed."""
    facts = (SECOND_NS * WINDOW_S, 1.0, PRICE, 0.1, 2.0, 1.0, 1.0, 2, 500.0, 9_000.0,
             0.03, 0.042, 0.1, 9.0, 12.0)  # fmt: skip
    order, world = Proposal(*ORDER), Facts(*facts)
    checks = warm()
    loop = empty_batches(batches)
    compiled_loop = empty(warm(), order, world, batches)

    def made_and_checked() -> int:
        return checks.check(Proposal(*ORDER), Facts(*facts))

    if made_and_checked():
        raise RuntimeError("the order of the measurement was refused")
    gate, pages = open_gate()
    if gate.permit(Intent.OPEN):
        raise RuntimeError("the gate of the measurement is closed")
    found = [
        row("empty loop, from Python", loop),
        row("gate permit, from Python", permits(gate, pages[0], batches), loop, PERMIT_NS),
        row("pre-trade checks, from Python",
            python_batches(checks.check, (order, world), batches), loop, CHECKS_NS),
        row("order made and checked, from Python",
            python_batches(made_and_checked, (), batches), loop, CHECKS_NS),
        row("empty loop, compiled", compiled_loop),
        row("pre-trade checks, compiled",
            check(warm(), order, world, batches), compiled_loop, COMPILED_NS),
        row("pre-trade checks and count, compiled",
            check_and_count(warm(), order, world, batches), compiled_loop, CHECKS_NS),
    ]  # fmt: skip
    for page in pages:
        page.close()
    return found


def every_rail(**changed: Any) -> Limits:
    """Limits that compare every rail; what binds nothing is far off."""
    rails: dict[str, Any] = dict.fromkeys(Limits.__struct_fields__, NEVER)
    rails |= {
        "price_collar_share": 0.05,
        "price_window_share": 0.05,
        "max_var_share": 0.5,
        "max_cvar_share": 0.5,
        "max_drawdown_share": 0.5,
        "price_window_s": float(WINDOW_S),
        "loss_window_s": 3_600.0,
        "execution_window_s": 60.0,
        "duplicate_window_s": 0.001,
        "cancel_reserve_per_s": 1,
        "restricted_instruments": ["XYZ"],
        "authorised_strategies": ["trend"],
    }
    return msgspec.convert(rails | changed, Limits)


def warm() -> RiskCheck:
    """Checks with every rail set and full windows."""
    checks = RiskCheck(every_rail())
    for part in range(2 * BUCKETS):
        at_ns = part * SECOND_NS * WINDOW_S // (2 * BUCKETS)
        checks.seen(PRICE, 9_000.0 - part, at_ns)
        checks.message(at_ns)
        checks.executed(at_ns)
    return checks


def permits(gate: Gate, guard: shm.Page, batches: int) -> list[int]:
    """Time the permit; between two groups of batches the lease is renewed, and must have held."""
    taken: list[int] = []
    while len(taken) < batches:
        renew(guard)
        wanted = min(LEASE_BATCHES, batches - len(taken))
        taken += python_batches(gate.permit, (int(Intent.OPEN),), wanted)
        if gate.permit(Intent.OPEN):
            raise RuntimeError("the lease of the measurement has run out")
    return taken


def renew(guard: shm.Page) -> None:
    """Extend the lease as far as the gate believes."""
    guard.words.store(layout.GUARD_LEASE_NS, now_ns() + layout.MOST_LEASE_NS)


def open_gate() -> tuple[Gate, tuple[shm.Page, shm.Page]]:
    """A gate that permits until the lease ends: NORMAL, HALT high in memory (no read of a pin)."""
    guard = shm.create(layout.KIND_GUARD, "perf-guard")
    engine = shm.create(layout.KIND_ENGINE, "perf-engine")
    levels = Words(bytearray(8), True)
    levels.store(0, 1)
    guard.words.store(layout.GUARD_MODE, modes.pack(TradingMode.NORMAL, Reason.REARMED, 1))
    renew(guard)
    return Gate(guard.words, engine.words, levels=levels, level_index=0), (guard, engine)


def show(found: list[Row]) -> str:
    """Return the table as text of at most 80 columns."""
    lines = [f"{'ns a call':37}{'p50':>7}{'p99':>8}{'p99.9':>9}{'max':>10}{'limit':>7}"]
    for line in found:
        what = str(line["what"])
        figures = "".join(f"{line[key]:{wide}.0f}" for key, wide in WIDTHS.items())
        limit = "-" if line["limit"] is None else f"{line['limit']:.0f}"
        lines.append(f"{what:37}{figures}{limit:>7}{'' if line['pass'] else ' !'}")
    return "\n".join(lines)


WIDTHS = {"p50": 7, "p99": 8, "p999": 9, "max": 10}


def main(arguments: list[str]) -> int:
    """Measure and print; return the exit code."""
    return run("checks", rows, show, arguments, " (limits are for p99, on an idle machine)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The lines about tests, figures and models: what was run elsewhere, of these sources, and signed."""

from collections.abc import Sequence

from host.golive.evidence import Evidence
from host.golive.judging import Finding, missing, number, other_software, told
from host.golive.signed import Piece

# Modules whose tests are the safety evidence: one that did not run is missing.
SAFETY_MODULES = tuple(f"tests.safety.test_{name}" for name in (
    "bad_input", "disk", "engines", "gate", "gate_stress", "halt_command", "memory", "modes",
    "random_faults", "rearm", "reflex", "requests", "step_up", "stopped_in_send", "whole_host", "wires",
)) + ("tests.audit.test_attacks", "tests.audit.test_receipts")  # fmt: skip
LEAKAGE_LIMITS = ("leak of the shuffled KFold", "generalisation gap", "test AUC")
VAR_LIMITS = ("violations", "Kupiec p", "Christoffersen p", "|Z2|", "gain over HS250")
FORECAST_LIMITS = 9


def safety(known: Evidence) -> Finding:
    """The safety suite, of these sources, all of it."""
    piece = known.newest("safety")
    if piece is None:
        return missing("safety", known)
    modules = piece.result["modules"]
    total = {key: sum(int(number(each[key])) for each in modules.values())
             for key in ("tests", "failed", "skipped")}  # fmt: skip
    absent = [name for name in SAFETY_MODULES if not modules.get(name, {}).get("tests")]
    reasons = [
        other_software(piece, known, "host"),
        other_software(piece, known, "firmware"),
        f"did not run: {absent[0]} and {len(absent) - 1} more" if absent else "",
        f"{total['failed']} tests failed" if total["failed"] else "",
        f"{total['skipped']} tests were skipped" if total["skipped"] else "",
    ]
    found = f"{total['tests']} tests, {total['failed']} failed, {total['skipped']} skipped"
    return told(piece, known, found, reasons, **total)


def performance(known: Evidence) -> Finding:
    """The table of the hot path, on this machine."""
    from host.perf.table import SPECIFICATION

    piece = known.newest("performance")
    if piece is None:
        return missing("performance", known)
    rows, where = piece.result["rows"], piece.result["environment"]
    answered = {row["answers"]: row for row in rows if "answers" in row}
    absent = [what for what, *_ in SPECIFICATION if what not in answered]
    bad = [row["what"] for row in rows if row["pass"] is not True]
    machine = known.machine
    same = (where["cpu"], where["kernel"]) == (machine.cpu, machine.kernel)
    reasons = [
        "" if same else f"of another machine: {where['cpu']}, kernel {where['kernel']}",
        other_software(piece, known, "host"),
        f"not in the table: {absent[0]}" if absent else "",
        f"does not hold: {bad[0]}" if bad else "",
        f"verdict {piece.result['verdict']}" if piece.result["verdict"] != "pass" else "",
    ]
    figures = {what: {"p99": row["p99"], "unit": row["unit"]} for what, row in answered.items()}
    return told(piece, known, f"{len(rows)} rows, {len(bad)} do not hold", reasons, rows=figures)


def forecast(known: Evidence) -> Finding:
    """Limits of issue F on forecasts."""
    piece = known.newest("forecast")
    if piece is None:
        return missing("forecast", known)
    return _limits(piece, known, "limit", (), FORECAST_LIMITS)


def var(known: Evidence) -> Finding:
    """Limits of issue F on VaR."""
    piece = known.newest("var")
    if piece is None:
        return missing("var", known)
    return _limits(piece, known, "limit", VAR_LIMITS, len(VAR_LIMITS))


def leakage(known: Evidence) -> Finding:
    """Limits of issue F on splits."""
    piece = known.newest("leakage")
    if piece is None:
        return missing("leakage", known)
    return _limits(piece, known, "what", LEAKAGE_LIMITS, len(LEAKAGE_LIMITS))


def _limits(piece: Piece, known: Evidence, key: str, names: Sequence[str], least: int) -> Finding:
    lines = piece.result["limits"]
    bad = [line[key] for line in lines if line["pass"] is not True]
    absent = [name for name in names if not any(str(line[key]).startswith(name) for line in lines)]
    reasons = [
        other_software(piece, known, "host"),
        f"{len(lines)} limits were judged, {least} are asked for" if len(lines) < least else "",
        f"not judged: {absent[0]}" if absent else "",
        f"does not hold: {bad[0]}" if bad else "",
    ]
    held = len(lines) - len(bad)
    return told(piece, known, f"{held} of {len(lines)} limits hold", reasons,
                limits={line[key]: line.get("reached") for line in lines})  # fmt: skip

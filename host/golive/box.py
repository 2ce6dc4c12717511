"""The lines about trust, the log and the box: what a person at the bench and the auditor have shown."""

from host.golive.evidence import Evidence
from host.golive.judging import Finding, missing, not_production, number, other_software, told
from host.ledger.paper import NS

LIMIT_US, LEAST_PRESSES = 1000.0, 1000
PINS = "bot4gpiod"


def trust_root(known: Evidence) -> Finding:
    """A test root passes here, as what it is: `run --live` asks for production's."""
    if known.root is None:
        return Finding("-", known.trust_fault)
    what = "production" if known.root.production else "TEST"
    reason = known.refused[0] if known.refused else ""
    return Finding(f"{what} root, key {known.root.name}, {len(known.pieces)} results", reason)


def audit_log(known: Evidence) -> Finding:
    """The chain is verified here, the receipts by the auditor who has the key."""
    log, report = known.log, known.log.report
    if report is None:
        return Finding("-", log.error)
    if not report.verified:
        return Finding(f"{report.records} good records", f"not verified: {report.reason}")
    others = sorted(log.hosts - {known.machine.host})
    reasons = [
        f"it is the log of host {others[0]!r}, this is {known.machine.host!r}" if others else "",
        log.unchecked,
        "no receipt vouches for anything" if not log.checked_to else "",
    ]
    found = f"{report.records} records verified, receipts checked to {log.checked_to}"
    head = [{"file": log.directory, "sha256": report.head}]
    statement = known.newest("audit")
    if statement is None or report.receipts_checked:
        return Finding(found, next((why for why in reasons if why), ""), 0.0, head)
    finding = told(statement, known, found, reasons)
    finding.evidence += head
    return finding


def hardware(known: Evidence) -> Finding:
    """Presses on a physical bench."""
    piece = known.newest("hardware")
    if piece is None:
        return missing("hardware", known)
    result = piece.result
    latency = result["latency_us"]["switch_to_ack"]
    orders, presses = result["orders"], int(number(latency["n"]))
    if presses == 0:
        return told(piece, known, "no press", ["nothing was measured"])
    slowest = number(latency["max"])
    after = number(orders["after_ack"])
    firmware = known.machine.software["firmware"]
    measured = result["environment"].get("firmware sha256")
    bench, mcu = result["bench"], result["mcu"]
    reasons = [
        f"measured on a {bench} bench" if bench != "physical" else "",
        f"its controller is a {mcu}, no rp2040" if mcu != "rp2040" else "",
        not_production(result["profile"]),
        f"of firmware {measured}, here is {firmware}" if measured != firmware else "",
        f"{presses} presses, {LEAST_PRESSES} are needed" if presses < LEAST_PRESSES else "",
        f"presses are missing: {result['presses']} were seen" if result["presses"] != presses else "",
        f"slowest press {slowest:.0f} us" if slowest >= LIMIT_US else "",
        f"{after:.0f} orders after ACK" if after else "",
        "no order was sent: nothing was shown" if number(orders["sent"]) <= 0 else "",
        "its audit log was not verified" if result["audit"]["verified"] is not True else "",
        f"verdict {result['verdict']}" if result["verdict"] != "pass" else "",
    ]  # fmt: skip
    found = f"{presses} presses, max {slowest:.0f} us, {after:.0f} orders after ACK, {bench} bench"
    return told(piece, known, found, reasons, halt_max_us=slowest, presses=presses,
                halt_p99_us=latency["p99"], orders_after_ack=after)  # fmt: skip


def attestation(known: Evidence) -> Finding:
    """What the controller itself says that it runs."""
    piece = known.newest("attestation")
    if piece is None:
        return missing("attestation", known)
    result = piece.result
    wrong = [name for name, holds in result["checks"].items() if holds is not True]
    reasons = [
        f"not attested: {', '.join(wrong)}" if wrong or result["attested"] is not True else "",
        "compared with no build (--folder)" if result["compared"] is not True else "",
        not_production(result["profile"]),
        other_software(piece, known, "firmware"),
    ]
    return told(piece, known, f"firmware {str(result['firmware'])[:16]} attested", reasons)


def profile(known: Evidence) -> Finding:
    """The configuration's table of times."""
    name, pins = known.machine.profile, known.machine.pins
    bench = "" if pins == PINS else f"pins {pins}: not those of the board ({PINS})"
    return Finding(f"{name}, pins {pins}", not_production(name) or bench)


def proof_test(known: Evidence) -> Finding:
    """The last press that went through to the closed gate, by the audit log."""
    log = known.log
    if not log.press_ns:
        return Finding("-", "no press of the switch that closed the gate is on record")
    age_s = (known.now_ns - log.press_ns) / NS
    return Finding(f"press in record {log.press_seq}", "", age_s)

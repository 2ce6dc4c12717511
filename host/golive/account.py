"""The lines about the account, the venue and this machine."""

from host.golive.evidence import Evidence
from host.golive.judging import Finding, acceptance, missing, number, other_software, told

LEAST_CAPITAL = 10_000.0


def capital(known: Evidence) -> Finding:
    """What is in the account, by the auditor's word."""
    piece = known.newest("capital")
    if piece is None:
        return missing("capital", known)
    amount = number(piece.result["amount_quote"])
    little = f"less than {LEAST_CAPITAL:,.0f}" if amount < LEAST_CAPITAL else ""
    found = f"{amount:,.0f} {piece.result['currency']} on {piece.result['account']}"
    return told(piece, known, found, [little], capital=amount)


def venue(known: Evidence) -> Finding:
    """The venue that is to be traded at, and its own dead man's switch."""
    piece, wanted = known.newest("venue"), known.machine.venue
    if piece is None:
        return missing("venue", known)
    result, switch = piece.result, piece.result["deadman"]
    works = switch["supported"] is True and switch["seen_firing"] is True
    accepted = acceptance(known, "deadman")
    reasons = [
        "" if known.machine.exchange else "the configuration trades at no real exchange",
        f"of venue {result['venue']!r}, traded is {wanted!r}" if result["venue"] != wanted else "",
        other_exchange(known, result["exchange"]),
        f"{result['exchange']} is not a tested exchange" if result["tested"] is not True else "",
        other_software(piece, known, "host"),
        "" if works or accepted else "no dead man's switch was seen to fire, and nobody accepts that",
    ]  # fmt: skip
    state = f"fires after {switch['delay_s']} s" if works else "NO dead man's switch that fires"
    stops = ", takes stops as well" if switch["takes_stops"] else ""
    finding = told(piece, known, f"{result['exchange']}: {state}{stops}", reasons)
    if accepted and not works:
        finding.evidence.append({"file": accepted.file, "sha256": accepted.digest})
        finding.found += f" (accepted by {accepted.result['by']})"
    return finding


def other_exchange(known: Evidence, tested: str) -> str:
    """Return why what was tested of an exchange says nothing about the one that is traded at."""
    wanted = known.machine.exchange
    return "" if tested == wanted else f"of exchange {tested!r}, traded is {wanted!r}"


def clock(known: Evidence) -> Finding:
    """What the kernel says, now."""
    return Finding(known.machine.clock, known.machine.clock_fault)


def keys(known: Evidence) -> Finding:
    """Files that hold secrets, now."""
    faults = known.machine.key_faults
    return Finding(", ".join(known.machine.keys) or "-", faults[0] if faults else "")

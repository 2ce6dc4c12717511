"""The gate: ready with everything, and open with any single piece missing, old, altered or bad."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from host.audit.verify import verify
from host.golive import tasks
from host.golive.evidence import gather
from host.golive.gate import Decision, decide
from host.golive.lines import LINES
from host.golive.signed import KINDS, NEEDS, SUFFIX
from tests.golive.proofs import SOFTWARE, Host, machine, opened, results

Judge = Callable[..., Decision]
OPTIONAL = ("trials", "acceptance")
NEEDED = [kind for kind in KINDS if kind not in OPTIONAL]
LINE_OF = {
    "audit": "audit_log",
    "hardware": "hardware",
    "attestation": "firmware",
    "safety": "safety_tests",
    "performance": "performance",
    "forecast": "forecasts",
    "var": "value_at_risk",
    "leakage": "no_leakage",
    "capital": "capital",
    "venue": "venue",
}


def test_a_host_with_everything_is_ready_but_not_live_under_a_test_root(
    good: Host, judge: Judge
) -> None:
    decision = judge(good)
    assert opened(decision) == {}
    assert (decision.ready, decision.live) == (True, False)
    refused = judge(good, live=True)
    assert (refused.ready, refused.live) == (False, False)
    assert "test root" in opened(refused)["trust_root"]
    assert list(opened(refused)) == ["trust_root"]


def test_a_fresh_host_is_not_ready_and_every_line_says_why(tmp_path: Path, judge: Judge) -> None:
    bad = machine(
        profile="bench",
        venue="paper",
        exchange="",
        clock_fault="not synchronised",
        key_faults=["link.key: no such file"],
    )
    fresh = Host(tmp_path, 1, Ed25519PrivateKey.generate(), bad)
    found = opened(judge(fresh))
    assert list(found) == [line.name for line in LINES]
    assert all(found.values())


@pytest.mark.parametrize("kind", NEEDED)
def test_a_missing_piece_opens_its_line(kind: str, host: Host, judge: Judge) -> None:
    host.piece(kind).unlink()
    found = opened(judge(host))
    assert LINE_OF[kind] in found
    # Without the auditor's word on the receipts no day counts either.
    assert set(found) == {LINE_OF[kind]} or kind == "audit"


@pytest.mark.parametrize("kind", [*NEEDED, "trials"])
def test_an_altered_piece_is_found(kind: str, host: Host, judge: Judge) -> None:
    content = host.piece(kind).read_bytes()
    at = content.index(b'"signed_ns":') + len('"signed_ns":')
    digit = b"2" if content[at : at + 1] != b"2" else b"1"
    host.piece(kind).write_bytes(content[:at] + digit + content[at + 1 :])
    found = opened(judge(host))
    assert "altered" in found["trust_root"]
    assert LINE_OF.get(kind, "trust_root") in found


@pytest.mark.parametrize("kind", NEEDED)
def test_a_piece_that_is_too_old_opens_its_line(kind: str, host: Host, judge: Judge) -> None:
    told = msgspec.json.decode(host.piece(kind).read_bytes())["result"]
    limit = next(line.max_age_days for line in LINES if line.name == LINE_OF[kind])
    host.sign(kind, told, age_days=limit - 0.01)
    assert judge(host).ready
    host.sign(kind, told, age_days=limit + 0.01)
    assert "too old" in opened(judge(host))[LINE_OF[kind]]


@pytest.mark.parametrize("kind", NEEDED)
def test_pieces_of_others_do_not_count(kind: str, host: Host, judge: Judge) -> None:
    told = msgspec.json.decode(host.piece(kind).read_bytes())["result"]
    for changes, why in (
        ({"host": "other"}, "of host"),
        ({"key": Ed25519PrivateKey.generate()}, "signed by key"),
        ({"age_days": -1.0}, "future"),
    ):
        host.sign(kind, told, **changes)
        found = opened(judge(host))
        assert why in found["trust_root"]
        assert LINE_OF[kind] in found


OF_SOURCES = (
    ("attestation", "firmware"),
    ("safety", "host"),
    ("safety", "firmware"),
    ("performance", "host"),
    ("forecast", "host"),
    ("var", "host"),
    ("leakage", "host"),
    ("venue", "host"),
)


@pytest.mark.parametrize(("kind", "what"), OF_SOURCES)
def test_results_of_other_sources_do_not_count(
    kind: str, what: str, host: Host, judge: Judge
) -> None:
    told = msgspec.json.decode(host.piece(kind).read_bytes())["result"]
    for software in (SOFTWARE | {what: "0" * 16}, {}):
        host.sign(kind, told, software=software)
        assert "sources" in opened(judge(host))[LINE_OF[kind]]


def test_one_row_of_the_table_that_does_not_hold_opens_the_line(host: Host, judge: Judge) -> None:
    told = msgspec.json.decode(host.piece("performance").read_bytes())["result"]
    told["rows"][3]["pass"] = False
    host.sign("performance", told)
    assert "does not hold" in opened(judge(host))["performance"]


BAD: tuple[tuple[str, str, Any, str], ...] = (
    # kind, path of a field, value, word of the reason
    ("hardware", "bench", "virtual", "measured on a virtual bench"),
    ("hardware", "bench", "emulated", "measured on a emulated bench"),
    ("hardware", "mcu", "stand-in", "stand-in"),
    ("hardware", "profile", "bench", "production"),
    ("hardware", "presses", 1001, "missing"),
    ("hardware", "latency_us.switch_to_ack.n", 999, "1000 are needed"),
    ("hardware", "latency_us.switch_to_ack.n", 0, "nothing was measured"),
    ("hardware", "latency_us.switch_to_ack.max", 1000.0, "slowest"),
    ("hardware", "latency_us.switch_to_ack.max", None, "cannot be judged"),
    ("hardware", "orders.after_ack", 1, "after ACK"),
    ("hardware", "orders.after_ack", None, "cannot be judged"),
    ("hardware", "orders.sent", 0, "no order was sent"),
    ("hardware", "orders", None, "cannot be judged"),
    ("hardware", "audit.verified", False, "not verified"),
    ("hardware", "verdict", "too_noisy", "verdict"),
    ("hardware", "environment", {}, "of firmware"),
    ("attestation", "attested", False, "not attested"),
    ("attestation", "checks.mac", False, "not attested: mac"),
    ("attestation", "compared", False, "no build"),
    ("attestation", "profile", "bench", "production"),
    ("safety", "modules", {}, "did not run"),
    ("safety", "modules.tests/safety/test_gate.failed", 1, "failed"),
    ("safety", "modules.tests/safety/test_gate.skipped", 1, "skipped"),
    ("safety", "modules.tests/safety/test_gate.tests", 0, "did not run"),
    ("performance", "verdict", "fail", "verdict"),
    ("performance", "rows", [], "not in the table"),
    ("performance", "environment.cpu", "another", "another machine"),
    ("performance", "environment.kernel", "7.0", "another machine"),
    ("forecast", "limits", [], "limits were judged"),
    ("var", "limits", [], "limits were judged"),
    ("leakage", "limits", [], "limits were judged"),
    ("capital", "amount_quote", 9999.99, "less than 10,000"),
    ("capital", "amount_quote", "20000", "cannot be judged"),
    ("capital", "amount_quote", True, "cannot be judged"),
    ("venue", "venue", "binance", "traded is"),
    ("venue", "tested", False, "not a tested exchange"),
    ("venue", "deadman.supported", False, "dead man's switch"),
    ("venue", "deadman.seen_firing", "yes", "dead man's switch"),
    ("venue", "deadman", {}, "cannot be judged"),
    ("audit", "verified", False, "were not verified"),
    ("audit", "receipts_checked", False, "were not verified"),
    ("audit", "head", "0" * 64, "another log"),
    ("audit", "records", 3, "another log"),
    ("audit", "receipts_to", 0, "no receipt vouches"),
    ("audit", "receipts_to", 10**9, "reach to"),
    ("audit", "receipts_to", "all", "reach to"),
)


@pytest.mark.parametrize(("kind", "path", "value", "why"), BAD)
def test_a_signed_result_that_is_bad_opens_its_line(
    kind: str, path: str, value: Any, why: str, host: Host, judge: Judge
) -> None:
    told = msgspec.json.decode(host.piece(kind).read_bytes())["result"]
    *way, last = (word.replace("/", ".") for word in path.split("."))
    at = told
    for word in way:
        at = at[word]
    assert at[last] != value
    at[last] = value
    host.sign(kind, told)
    assert why in opened(judge(host))[LINE_OF[kind]]


@pytest.mark.parametrize("kind", ["forecast", "var", "leakage"])
def test_one_limit_that_does_not_hold_opens_the_line(kind: str, host: Host, judge: Judge) -> None:
    told = msgspec.json.decode(host.piece(kind).read_bytes())["result"]
    for value in (False, None, "yes"):
        bad = copy.deepcopy(told)
        bad["limits"][1]["pass"] = value
        host.sign(kind, bad)
        assert "does not hold" in opened(judge(host))[LINE_OF[kind]]


@pytest.mark.parametrize(("kind", "key"), [("var", "limit"), ("leakage", "what")])
def test_a_limit_that_was_not_judged_opens_the_line(
    kind: str, key: str, host: Host, judge: Judge
) -> None:
    told = msgspec.json.decode(host.piece(kind).read_bytes())["result"]
    told["limits"][0][key] = "another limit"
    host.sign(kind, told)
    assert "not judged" in opened(judge(host))[LINE_OF[kind]]


@pytest.mark.parametrize("kind", NEEDS)
def test_a_result_without_a_field_is_refused(kind: str, host: Host, judge: Judge) -> None:
    for lacking in NEEDS[kind]:
        host.sign(kind, dict.fromkeys(set(NEEDS[kind]) - {lacking}, 1))
        assert f"it has no {lacking!r}" in opened(judge(host))["trust_root"]


# -- this machine, and the whole ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"profile": "bench"}, "profile"),
        ({"pins": "bot4bench"}, "profile"),
        ({"venue": "paper"}, "venue"),
        ({"exchange": ""}, "venue"),
        ({"exchange": "okx"}, "venue"),
        ({"clock_fault": "not synchronised"}, "clock"),
        ({"key_faults": ["link.key: others can read it"]}, "keys"),
    ],
)
def test_this_machine_opens_lines(
    changes: dict[str, Any], line: str, host: Host, judge: Judge
) -> None:
    other = Host(host.folder, host.now_ns, host.key, machine(**changes))
    assert list(opened(judge(other))) == [line]


def test_a_paper_venue_is_none_whatever_was_signed_of_it(host: Host, judge: Judge) -> None:
    told = msgspec.json.decode(host.piece("venue").read_bytes())["result"]
    other = Host(host.folder, host.now_ns, host.key, machine(venue="paper", exchange=""))
    other.sign("venue", told | {"venue": "paper"})
    assert "no real exchange" in opened(judge(other))["venue"]


def test_the_newest_piece_counts(host: Host, judge: Judge) -> None:
    host.sign(
        "capital", {"amount_quote": 1, "currency": "USDT", "account": "a"}, 3.0, "capital-old"
    )
    assert judge(host).ready
    host.sign(
        "capital", {"amount_quote": 1, "currency": "USDT", "account": "a"}, 0.0, "capital-new"
    )
    host.sign("capital", results(verify(host.audit_dir))["capital"], 1.0)
    assert "capital" in opened(judge(host))


def test_the_digest_of_a_decision_is_of_what_was_seen(host: Host, judge: Judge) -> None:
    first = judge(host).digest
    assert judge(host).digest == first
    host.piece("trials").unlink()
    assert judge(host).digest != first


def test_a_judge_that_fails_leaves_its_line_open(good: Host, monkeypatch: Any) -> None:
    known = gather(good.now_ns, good.machine, good.audit_dir, good.evidence, good.root)
    known.log = None  # type: ignore[assignment]
    found = opened(decide(known))
    assert "cannot be judged" in found["audit_log"]
    assert "cannot be judged" in found["proof_test"]


def test_an_unreadable_folder_and_a_flood_of_files(host: Host, judge: Judge) -> None:
    shutil.rmtree(host.evidence)
    host.evidence.mkdir()
    for n in range(1001):
        (host.evidence / f"{n}{SUFFIX}").touch()
    assert "more than" in opened(judge(host))["trust_root"]


def test_the_tasks_are_told_with_figures_that_were_measured(good: Host, judge: Judge) -> None:
    told = tasks.table(judge(good))
    assert [task["number"] for task in told["tasks"]] == list(range(1, 10))
    assert all(task["reached"] for task in told["tasks"])
    assert "halt max us: 612.5" in told["tasks"][3]["measured"]
    named = [name for task in tasks.TASKS for name in task.lines]
    assert len(named) == len(set(named))
    assert {line.name for line in LINES} - set(named) == {"trust_root", "clock"}
    assert all(need < task.number for task in tasks.TASKS for need in task.needs)


def test_a_task_is_not_reached_while_a_line_of_it_is_open(host: Host, judge: Judge) -> None:
    host.piece("hardware").unlink()
    told = tasks.table(judge(host))
    assert [task["number"] for task in told["tasks"] if not task["reached"]] == [4]
    assert not told["tasks"][3]["measured"]

"""Attacks by somebody who owns the host, re-chained with the right format; the receipts show each.

BOT4_ATTACKS sets the number of generated cases (1,000 of each side of the fence by default).
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from host.audit.verify import Report, verify
from tests.audit.witnessed import KEY, Log, Witness, honest

CASES = int(os.environ.get("BOT4_ATTACKS", "1000"))


def judged(log: Log, folder: Path, key: bytes | None = KEY) -> Report:
    return verify(log.write(folder), witness_key=key, settle_s=0)


def before(rng: random.Random, log: Log) -> int:
    """A place in the part that a receipt vouches for; never before the open record."""
    receipts = [place for place, line in enumerate(log.lines) if b'"kind":"receipt"' in line]
    return rng.randint(2, receipts[-1] - 1)


def truncate_and_restart(rng: random.Random, log: Log, witness: Witness) -> Log:
    """Cut, then start the host again: the recorder asks for the receipt that stands."""
    cut = log.cut(before(rng, log))
    cut.append("receipt", witness.receipt())
    return cut


def truncate_and_continue(rng: random.Random, log: Log, witness: Witness) -> Log:
    """Cut, write until past the witness's count, and only then show heads again."""
    cut = log.cut(before(rng, log))
    while len(cut.lines) <= witness.count:
        cut.append("order", {"n": rng.getrandbits(30)}, origin="engine")
    cut.show(witness)
    honest(rng, 3, cut, witness)
    return cut


def continue_without_the_first_receipt(rng: random.Random, log: Log, witness: Witness) -> Log:
    """The same, and the receipt that would contradict the log is dropped."""
    cut = log.cut(before(rng, log))
    while len(cut.lines) <= witness.count:
        cut.append("order", {"n": rng.getrandbits(30)}, origin="engine")
    witness.show(len(cut.lines), cut.hashes[-1])
    honest(rng, 3, cut, witness)
    return cut


def roll_back_and_power_cycle(rng: random.Random, log: Log, witness: Witness) -> Log:
    """An older copy of the log, and the box off and on: it remembers what it kept."""
    cut = log.cut(before(rng, log))
    witness.power_cycle()
    cut.append("receipt", witness.receipt())
    return cut


def rechain(rng: random.Random, log: Log, _witness: Witness) -> Log:
    """Change one record and seal everything after it anew, the receipts' texts kept as they are."""
    return resealed(log, before(rng, log), lambda data: {**data, "n": rng.getrandbits(30)})


def rechain_with_forged_receipts(rng: random.Random, log: Log, _witness: Witness) -> Log:
    """The same with receipts that fit the new hashes, under a key that is not the witness's."""
    return resealed(log, before(rng, log), lambda data: {**data, "n": 1}, forge=bytes(32))


def replay_a_receipt(rng: random.Random, log: Log, witness: Witness) -> Log:
    """Record an earlier receipt of the same epoch once more instead of the newest."""
    honest(rng, 2, log, witness)
    copy = log.cut(len(log.lines))
    old = Witness(witness.epoch, witness.number - 1, 2, log.hashes[1])
    copy.append("receipt", old.receipt())
    return copy


def begin_a_new_log(rng: random.Random, _log: Log, witness: Witness) -> Log:
    """Throw the log away and write another one, as long, in front of the same witness."""
    fresh = Log()
    fresh.open()
    while len(fresh.lines) <= witness.count:
        fresh.append("order", {"n": rng.getrandbits(30)}, origin="engine")
    fresh.show(witness)
    return fresh


def take_a_receipt_out(rng: random.Random, log: Log, witness: Witness) -> Log:
    """Leave one receipt out and seal the rest anew; the heads after it no longer fit."""
    honest(rng, 2, log, witness)
    places = [at for at, line in enumerate(log.lines) if b'"kind":"receipt"' in line]
    return resealed(log, rng.choice(places[:-1]), None)


def resealed(
    log: Log, at: int, change: Callable[[dict], dict] | None, forge: bytes | None = None
) -> Log:
    """Copy a log with record `at` changed (or left out); optionally make receipts fit by forgery."""
    from host.audit.record import parse

    made = log.cut(at)
    for place in range(at, len(log.lines)):
        record = parse(log.lines[place])
        data = dict(record.data)
        if place == at:
            if change is None:
                continue
            data = change(data)
        elif record.kind == "receipt" and forge is not None and data["count"] > at:
            fitting = Witness(data["epoch"], data["number"], data["count"])
            fitting.head = made.hashes[data["count"] - 1]
            data = fitting.receipt(forge)
        made.append(record.kind, data, origin=record.origin)
    return made


ATTACKS = (
    truncate_and_restart,
    truncate_and_continue,
    continue_without_the_first_receipt,
    roll_back_and_power_cycle,
    rechain,
    rechain_with_forged_receipts,
    replay_a_receipt,
    begin_a_new_log,
    take_a_receipt_out,
)


def test_every_attack_on_a_witnessed_log_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    found: Counter = Counter()
    for case in range(CASES):
        rng = random.Random(case)
        attack = ATTACKS[case % len(ATTACKS)]
        log, witness = Log(), Witness()
        honest(rng, rng.randint(4, 20), log, witness)
        report = judged(attack(rng, log, witness), tmp_path / str(case))
        assert not report.verified, (case, attack.__name__)
        found[attack.__name__] += 1
    with capsys.disabled():
        print(f"\n  {CASES} attacks, all found:")
        for name, count in found.items():
            print(f"    {name.replace('_', ' '):40} {count}")


def test_clean_witnessed_logs_raise_no_alarm(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    cycles = 0
    for case in range(CASES):
        rng = random.Random(-case - 1)
        log, witness = Log(), Witness()
        honest(rng, rng.randint(1, 20), log, witness)
        report = judged(log, tmp_path / str(case))
        assert report.verified, (case, report.reason)
        assert report.receipts_to <= report.records
        assert report.unvouched == report.records - report.receipts_to
        cycles += len(report.epochs) - 1
    with capsys.disabled():
        print(f"\n  {CASES} clean logs with {cycles} power cycles, no false alarm")


def test_without_the_key_a_forged_log_passes_and_the_report_says_so(tmp_path: Path) -> None:
    rng, log, witness = random.Random(1), Log(), Witness()
    honest(rng, 10, log, witness)
    forged = rechain_with_forged_receipts(rng, log, witness)
    assert not judged(forged, tmp_path / "with").verified
    without = judged(forged, tmp_path / "without", key=None)
    assert without.verified
    assert not without.receipts_checked


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"epoch": "1"},
        {"head": "zz"},
        {"number": -1},
        {"count": True},
        {"extra": 1},
        {"mac": ""},
    ],
)
def test_what_is_not_a_receipt_is_named(tmp_path: Path, broken: dict) -> None:
    log, witness = Log(), Witness()
    log.open()
    log.append("receipt", {**witness.receipt(), **broken} if broken else {})
    report = judged(log, tmp_path / "log")
    assert not report.verified
    assert report.first_bad == 2

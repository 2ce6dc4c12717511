"""Tail and export give every record, whole files or none, and one line for what is not a log."""

import csv
import json
from pathlib import Path

import pytest

from host.audit import AuditInputError
from host.audit.export import FORMATS, export, records, tail
from host.audit.writer import AuditWriter

NASTY = 'a "quoted", comma\nline {brace} é'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    with AuditWriter(folder, host_id="h", segment_bytes=4096) as writer:
        for number in range(60):
            writer.append("mode", "guard", {"number": number, "text": NASTY})
            writer.commit()
    return folder


def test_tail_gives_the_last_records_in_order(log: Path) -> None:
    everything = list(records(log))
    assert [record.seq for record in everything] == list(range(1, 63))
    assert tail(log, 5) == everything[-5:]
    assert tail(log, 1000) == everything


def read_back(path: Path) -> list[tuple[int, str, dict]]:
    if path.suffix == ".json":
        rows = json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        rows = parquet.read_table(path).to_pylist()
    parsed = [row["data"] if path.suffix == ".json" else json.loads(row["data"]) for row in rows]
    return [(int(row["seq"]), row["hash"], data) for row, data in zip(rows, parsed, strict=True)]


@pytest.mark.parametrize("ending", FORMATS)
def test_export_carries_every_record_and_its_hash(log: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out{ending}"
    assert export(log, out) == 62
    wanted = [(record.seq, record.hash, record.data) for record in records(log)]
    assert read_back(out) == wanted


@pytest.mark.parametrize("ending", FORMATS)
def test_a_broken_log_leaves_no_half_export(log: Path, tmp_path: Path, ending: str) -> None:
    segment = sorted(log.glob("audit-*.jsonl"))[1]
    segment.write_bytes(segment.read_bytes().replace(b'"kind"', b'"kin"', 1))
    out = tmp_path / f"out{ending}"
    with pytest.raises(AuditInputError, match=f"{segment.name}: line 1 is not a record"):
        export(log, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_what_is_no_log_or_no_format_is_one_line(log: Path, tmp_path: Path) -> None:
    for folder, complaint in ((tmp_path / "none", "No such file"), (tmp_path, "no audit log")):
        with pytest.raises(AuditInputError, match=complaint):
            tail(folder, 1)
    with pytest.raises(AuditInputError, match="ending"):
        export(log, tmp_path / "out.xlsx")
    with pytest.raises(AuditInputError, match="own folder"):
        export(log, log / "audit-x.csv")
    with pytest.raises(AuditInputError, match="No such file"):
        export(log, tmp_path / "none" / "out.csv")

"""`bot4 audit verify`: the fields and the exit code that a script can rely on."""

import json
import subprocess
import sys
from pathlib import Path

from tests.audit.audit_logs import lines, make_log, segments

PROMISED = {
    "records": 12,
    "verified": True,
    "first_bad": None,
    "reason": "",
    "receipts_to": 0,
    "unvouched": 12,
    "epochs": [],
}


def verify(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bot4", "audit", "verify", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_report_has_the_promised_fields(tmp_path: Path) -> None:
    log = make_log(tmp_path / "log")
    said = verify(str(log), "--json")
    answer = json.loads(said.stdout)
    assert said.returncode == 0
    assert {key: answer[key] for key in PROMISED} == PROMISED
    segments(log)[0].unlink()
    said = verify(str(log), "--json")
    answer = json.loads(said.stdout)
    assert said.returncode == 1
    assert (answer["verified"], answer["first_bad"], answer["records"]) == (False, 1, 0)
    assert "no record retires it" in answer["reason"]


def test_a_folder_without_a_log_is_one_line_and_2(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        said = verify(str(folder))
        assert (said.returncode, said.stdout) == (2, "")
        assert said.stderr.startswith("bot4: ")
        assert said.stderr.count("\n") == 1
    assert lines(tmp_path) == []

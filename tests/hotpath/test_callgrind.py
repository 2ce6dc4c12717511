"""The counting of instructions: what is more is found, what is no earlier count is refused."""

import json
from pathlib import Path

import pytest

from tools import callgrind


def test_more_instructions_are_found_and_fewer_are_not() -> None:
    assert callgrind.more({"x": 103.0}, {"x": 100.0}) == ["x: 100.0 instructions before, 103.0 now"]
    assert callgrind.more({"x": 101.5}, {"x": 100.0}) == []
    assert callgrind.more({"x": 4.9}, {"x": 4.0}) == []
    assert callgrind.more({"x": 50.0}, {"x": 100.0}) == []
    assert callgrind.more({}, {"x": 100.0}) == ["x: not counted any more"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"instructions": 1}', '{"instructions": {"x": "y"}}']
)
def test_a_baseline_that_is_none_is_one_line(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "base.json"
    file.write_text(content)
    for name in (file, tmp_path / "nothing"):
        assert callgrind.main(["--baseline", str(name)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.timeout(900)
@pytest.mark.skipif(callgrind.shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_every_operation_is_counted_and_a_lower_count_before_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert callgrind.main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)["instructions"]
    with capsys.disabled():
        print(f"\n  {found}")
    assert found.keys() == set(callgrind.LOOPS.values())
    assert all(value > 1 for value in found.values())
    assert callgrind.more(found, found | {"decision": found["decision"] / 2})

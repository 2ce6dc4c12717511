"""The summary of a JUnit file: a failed run never looks good, and no cell breaks the table."""

from pathlib import Path

import pytest

from rig.junit import JunitError, markdown, read

REPORT = """<testsuites><testsuite name="pytest">
<testcase name="test_a" time="1.5">
<properties><property name="p50_us" value="82.0"/></properties></testcase>
<testcase name="test_b[x|y]" time="0"><failure message="ACK did not
rise | at all">trace</failure></testcase>
<testcase name="test_c" time="0"><skipped message="no such wire"/></testcase>
<testcase name="test_d" time="0"><error message="health"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "hil.xml"
    file.write_text(REPORT)
    return file


def test_outcomes_and_measurements(report: Path) -> None:
    cases = read(report)
    assert [case.outcome for case in cases] == ["passed", "failed", "skipped", "failed"]
    assert cases[0].measured == {"p50_us": "82.0"}


def test_every_row_of_the_table_has_three_cells(report: Path) -> None:
    text = markdown(read(report), "HIL")
    rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 6
    assert all(row.count("|") == 4 for row in rows)
    assert "1 passed, 2 failed, 1 skipped" in text
    assert "ACK did not rise" in text
    assert "no such wire" in text


@pytest.mark.parametrize("content", ["", "<a>", "<testsuites/>", "not xml"])
def test_a_report_without_a_test_is_no_report(tmp_path: Path, content: str) -> None:
    file = tmp_path / "hil.xml"
    file.write_text(content)
    with pytest.raises(JunitError, match=str(file)):
        read(file)


def test_a_report_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JunitError, match="No such file"):
        read(tmp_path / "none.xml")

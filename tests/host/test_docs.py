"""The pages are what the code says, and the check can fail."""

from pathlib import Path

import pytest

from host import docs, refusals
from host.modes import Reason


def test_the_pages_in_the_house_are_up_to_date(capsys: pytest.CaptureFixture) -> None:
    assert docs.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_changed_or_missing_page_is_found(name: str, tmp_path: Path) -> None:
    assert docs.main(["--check", name], tmp_path) == 1
    assert docs.main([name], tmp_path) == 0
    assert docs.main(["--check", name], tmp_path) == 0
    file = tmp_path / f"{name}.md"
    file.write_text(file.read_text().replace("the", "a", 1))
    assert docs.main(["--check", name], tmp_path) == 1


def test_an_unknown_page_is_wrong_use() -> None:
    assert docs.main(["nonsense"]) == 2


def test_every_reason_and_refusal_is_on_its_page() -> None:
    named = [row.split(" | ")[0] for row in docs.page("modes").splitlines()]
    upward = {Reason.NONE, Reason.REARMED, Reason.CONDITIONS_HELD}
    assert {f"| {reason.name}" for reason in set(Reason) - upward} <= set(named)
    assert all(
        f"| {code} | {name} |" in docs.page("refusals") for code, name, _ in refusals.REFUSALS
    )

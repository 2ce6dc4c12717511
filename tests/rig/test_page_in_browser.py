"""The page opens from a file, without a network, in a real browser that has nothing to complain of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.report import write_page
from tests.chromium import chromium
from tests.rig import runs


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with two layouts, busy serial lines and misses."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    made = [runs.run(40, serial_edges=2000), runs.run(30, "own_core", seed=2)]
    write_page(file, runs.result(*made, limit_us=90.0), made)
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_opens_without_a_network_and_without_an_error(
    browser: Any, page_file: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    said: list[str] = []
    view = {"width": width, "height": 900}
    context = browser.new_context(viewport=view, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(page_file.as_uri())
    picture = page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert said == [page_file.as_uri()]  # the page itself, and nothing else was asked for or said
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("svg").count() == 16
    assert page.locator("svg").first.bounding_box()["height"] > 80
    assert len(picture) > 50_000
    context.close()


def test_an_error_on_the_console_would_be_seen(browser: Any, tmp_path: Path) -> None:
    said: list[str] = []
    file = tmp_path / "bad.html"
    file.write_text("<script>nothing.there()</script>")
    page = browser.new_page()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    page.close()
    assert len(said) == 1

"""The handbook builds without a warning, has every page in its contents, and asks nobody outside."""

import functools
import importlib.util
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import chromium
from tests.docs.pages import HOUSE
from tools import results

NAV = re.compile(r"^ +- (?:[^:\n]+: )?([\w-]+\.md)$", re.M)
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The handbook, as `make docs` builds it."""
    for module in ("mkdocs", "material"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is missing: pip install 'bot4[docs]'")
    site = tmp_path_factory.mktemp("handbook")
    done = build(HOUSE / "mkdocs.yml", site)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return site


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-f",
        str(config),
        "-d",
        str(site),
    ]
    surroundings = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, env=surroundings, timeout=100, check=False
    )


def test_every_page_is_in_the_contents() -> None:
    listed = NAV.findall((HOUSE / "mkdocs.yml").read_text())
    there = {page.name for page in (HOUSE / "docs").glob("*.md")}
    assert len(listed) == len(set(listed))
    assert there - set(listed) == set(), "a page without its line under `nav` of mkdocs.yml"
    assert set(listed) - there == set()


def test_it_builds_and_every_page_is_in_it(built: Path) -> None:
    for page in (HOUSE / "docs").glob("*.md"):
        assert (built / page.with_suffix(".html").name).is_file()
    assert (built / "wiring.svg").read_bytes() == (HOUSE / "docs" / "wiring.svg").read_bytes()


def test_a_broken_link_is_found(built: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Here\n\n[there](there.md)\n")
    text = (HOUSE / "mkdocs.yml").read_text()
    settings = re.sub(r"^nav:\n(?: .*\n)+", "", text, flags=re.M)
    (tmp_path / "mkdocs.yml").write_text(settings)
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 1
    assert "there.md" in done.stderr


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(built: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(built))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_open_in_a_browser_and_ask_nobody_outside(
    served: str, browser: Any, width: int, tmp_path: Path
) -> None:
    asked: list[str] = []
    said: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: said.append(str(error)))
    for name in ("index", "wiring", "configuration", "audit-log"):
        page.goto(f"{served}/{name}.html", wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.screenshot(path=tmp_path / f"{name}.png")
    page.goto(f"{served}/index.html?q=JOURNAL_FULL")
    page.wait_for_selector(".md-search-result__link", state="attached", timeout=60_000)
    found = page.locator(".md-search-result__link").first.get_attribute("href")
    assert "refusals.html" in str(found)
    outside = [url for url in asked if not url.startswith((served, "data:", "blob:"))]
    assert (outside, said) == ([], [])
    context.close()


def test_the_results_are_the_figures_of_the_run() -> None:
    assert results.main(["--check"]) == 0


def test_results_that_differ_are_found(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / results.FIGURES).write_bytes((HOUSE / "docs" / results.FIGURES).read_bytes())
    page = (HOUSE / "docs" / results.PAGE).read_text()
    (tmp_path / results.PAGE).write_text(page.replace("| switch → ACK | ", "| switch → ACK | 1", 1))
    assert results.main(["--check"], tmp_path) == 1
    assert "results.md is not what" in capsys.readouterr().out


def test_the_readme_fits_80_columns_and_its_picture_is_small() -> None:
    text = (HOUSE / "README.md").read_text()
    assert [line for line in text.splitlines() if len(line) > 80] == []
    picture = HOUSE / "docs" / "assets" / "report.png"
    assert str(picture.relative_to(HOUSE)) in text
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert 10_000 < picture.stat().st_size < 200_000

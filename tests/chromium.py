"""A headless Chromium for tests, and axe, which looks whether people can read a page."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
AXE = "BOT4_AXE"


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """The system's, else playwright's own; without either the test is skipped."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: pip install 'bot4[browser]'"
    )
    system = next(filter(None, map(shutil.which, BROWSERS)), None)
    with playwright.sync_playwright() as up:
        try:
            started = up.chromium.launch(executable_path=system, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield started
        started.close()


def axe() -> str:
    """The script of axe-core: the file named by BOT4_AXE, else the one of a package, else a skip."""
    if AXE in os.environ:
        return Path(os.environ[AXE]).read_text(encoding="utf-8")
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"no axe-core: pip install 'bot4[browser]', or name its axe.min.js in {AXE}")
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Any) -> list[str]:
    """What axe finds on a page, with the elements; the page's own policy must be switched off."""
    page.evaluate(axe())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"], "axe has looked at nothing"
    return [
        f"{violation['id']}: {', '.join(str(node['target'][0]) for node in violation['nodes'][:5])}"
        for violation in found["violations"]
    ]

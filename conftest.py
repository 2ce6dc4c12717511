"""Two workers at once (`make unit`): what needs the machine's one bench stays with one of them."""

import os
import tempfile
from pathlib import Path

import pytest

BENCH = "bench"
# Folders whose tests bring a bench up, or stop and kill processes of a host.
FOLDERS = (
    "hil",
    *(
        f"tests/{part}"
        for part in ("bench", "dashboard", "emulated", "gpio", "integration", "rig", "safety")
    ),
)


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker a temporary folder: the bench's lock and the leftovers are looked for there."""
    worker = getattr(config, "workerinput", {}).get("workerid")
    if worker is not None:
        folder = Path(tempfile.gettempdir()) / f"bot4-{worker}"
        folder.mkdir(exist_ok=True)
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Group what shares the bench; without pytest-xdist there is nothing to group for."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        folder = item.path.relative_to(config.rootpath).as_posix()
        if folder.startswith(FOLDERS):
            item.add_marker(pytest.mark.xdist_group(BENCH))

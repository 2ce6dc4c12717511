"""What a wheel has to hold: everything in the folders of the packages that is a source or is read."""

from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
PACKAGES = ("benches", "bot4", "controller", "deploy", "firmware", "host", "rig")
# Made by builds and runs, or for checks alone.
MADE = {".c", ".so", ".pyc"}
CHECKS = {"firmware/mypy.ini"}
NEEDED = (
    "benches/virtual.toml",
    "deploy/systemd/bot4.service",
    "firmware/main.py",
    "firmware/unix/main.py",
    "host/dashboard/grafana.json",
    "host/default.toml",
)
MODULES = ("host/hotpath/gate", "host/models/likelihood", "rig/virtual/pins")
DOCS = ("share/doc/bot4/docs/gpio.md", "share/doc/bot4/docs/operations.md")


def sources() -> set[str]:
    """Return every file of the packages that belongs into a wheel, relative to the house."""
    found = {
        path.relative_to(HOUSE).as_posix()
        for package in PACKAGES
        for path in (HOUSE / package).rglob("*")
        if path.is_file() and path.suffix not in MADE and "__pycache__" not in path.parts
    }
    return found - CHECKS

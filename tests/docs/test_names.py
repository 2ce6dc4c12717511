"""What the documents name is there: files, folders, modules, names in code, pages and their parts."""

import functools
import importlib
import re
from pathlib import Path

import pytest

from tests.docs.pages import HOUSE, PAGES, inline, name, text

FOLDERS = "benches|bot4|controller|docs|firmware|hil|host|make|rig|tests|tools|\\.github"
PATH = re.compile(rf"(?<![\w/.~-])((?:{FOLDERS})/[\w./-]*\w/?)")
MODULE = re.compile(
    r"(?<![\w/.])((?:bot4|controller|firmware|host|hil|rig|tests|tools)(?:\.[a-z_]\w*)+)"
)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
# The reader's own, or made by a command.
NOT_HERE = {"benches/physical.toml", "benches/NAME.toml", "docs/NAME.md"}


def paths(page: Path) -> set[str]:
    """Paths in the house that a page names, in text and in blocks."""
    links = re.sub(r"\]\([^)]*\)", "]", text(page))
    return {found.rstrip("./") for found in PATH.findall(links)} - NOT_HERE


def modules(page: Path) -> set[str]:
    """Dotted names of ours between backticks, and after `python -m`."""
    words = [*inline(page), *re.findall(r"python -m (\S+)", text(page))]
    return {found for word in words if "/" not in word for found in MODULE.findall(word)}


def importable(dotted: str) -> bool:
    """True for a module, or for a name inside of one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        if (HOUSE / "/".join(parts[:length])).with_suffix(".py").exists() or (
            HOUSE / "/".join(parts[:length]) / "__init__.py"
        ).exists():
            if length == len(parts):
                return True
            loaded: object = importlib.import_module(".".join(parts[:length]))
            for attribute in parts[length:]:
                if not hasattr(loaded, attribute):
                    return False
                loaded = getattr(loaded, attribute)
            return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_paths_that_a_page_names_are_there(page: Path) -> None:
    assert [path for path in sorted(paths(page)) if not (HOUSE / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_modules_that_a_page_names_are_there(page: Path) -> None:
    endings = tuple(
        ENDINGS | {".conf", ".csv", ".html", ".key", ".lock", ".md", ".service", ".svg"}
    )
    named = [dotted for dotted in sorted(modules(page)) if not dotted.endswith(endings)]
    assert [dotted for dotted in named if not importable(dotted)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in (*LINK.findall(text(page)), *IMAGE.findall(text(page))):
        if link.startswith(("http://", "https://")):
            continue
        file, _, part = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name(page)}: {link}"
        assert not part or part in anchors(target), f"{name(page)}: {link}"


def anchors(page: Path) -> set[str]:
    """Parts of a page, as the handbook names them."""
    heads = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text(page), flags=re.S), re.M)
    words = (re.sub(r"[^\w\s-]", "", head).strip().lower() for head in heads)
    return {re.sub(r"[-\s]+", "-", word) for word in words}


SOURCES = tuple(folder.replace("\\", "") for folder in FOLDERS.split("|") if folder != "docs")
ENDINGS = {".py", ".pyx", ".pxd", ".h", ".toml", ".js", ".json", ".mk", ".sh", ".cpp", ".yml"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
# Files of others, and what is put together: tests/dashboard compares the metrics.
ELSEWHERE = re.compile(r".*\.(?:c|md)|bot4_[a-z_]+|gpiodetect")


@functools.cache
def words() -> frozenset[str]:
    """Every word of the code, its settings and its tests."""
    here = Path(__file__).parent
    files = [
        file
        for folder in SOURCES
        for file in (HOUSE / folder).rglob("*")
        if file.suffix in ENDINGS and here not in file.parents
    ]
    files += [HOUSE / "pyproject.toml", HOUSE / "Makefile"]
    return frozenset(word for file in files for word in re.findall(r"\w+", file.read_text()))


def unknown(page: Path) -> list[str]:
    """Names between backticks on a page that stand nowhere in the code."""
    names = {text for text in inline(page) if NAME.fullmatch(text) and len(text) > 3}
    ours = {name for name in names if not ELSEWHERE.fullmatch(name)}
    return sorted(name for name in ours if not set(re.findall(r"\w+", name)) <= words())


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_names_between_backticks_stand_in_the_code(page: Path) -> None:
    assert unknown(page) == []


def test_names_that_are_not_there_are_found(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("`nonsense_timeout_ms` and `slot_busy_us`")
    assert unknown(tmp_path / "page.md") == ["nonsense_timeout_ms"]
    assert not importable("host.nonsense")
    assert not importable("host.modes.Nonsense")
    assert importable("host.modes.Intent")
    assert PATH.findall("see `host/nonsense.py`, runs/host/x and a/host/b") == ["host/nonsense.py"]


def test_there_is_something_to_look_at() -> None:
    assert len(set().union(*map(paths, PAGES))) >= 40
    assert len(set().union(*map(modules, PAGES))) >= 8

"""What the documents name is there: files, folders, modules, names in code, pages and their parts."""

import importlib.util
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
    endings = (".md", ".toml", ".py", ".pyx", ".json", ".jsonl", ".csv", ".html", ".svg", ".key")
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


def test_names_that_are_not_there_are_found() -> None:
    assert not importable("host.nonsense")
    assert not importable("host.modes.Nonsense")
    assert importable("host.modes.Intent")
    assert PATH.findall("see `host/nonsense.py`, runs/host/x and a/host/b") == ["host/nonsense.py"]


def test_there_is_something_to_look_at() -> None:
    assert len(set().union(*map(paths, PAGES))) >= 40
    assert len(set().union(*map(modules, PAGES))) >= 8

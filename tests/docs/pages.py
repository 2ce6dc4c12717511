"""The documents as tests see them: README and docs/, their blocks, words and commands."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import NamedTuple

HOUSE = Path(__file__).resolve().parents[2]
PAGES = [HOUSE / "README.md", *sorted((HOUSE / "docs").glob("*.md"))]

_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.M | re.S)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_COMMENT = re.compile(r"\s+#\s.*$")
_ENDS = re.compile(r"#.*\bexit code (\d+)")


class Block(NamedTuple):
    """A fenced block: where it stands, its language, its title (a file's name) and its lines."""

    place: str
    language: str
    title: str
    lines: list[str]


class Command(NamedTuple):
    """One line of a block that a reader types; `ends` is the exit code that its comment tells."""

    place: str
    text: str
    ends: int = 0

    @property
    def words(self) -> list[str]:
        """The line as a shell would part it."""
        return shlex.split(self.text)


def name(page: Path) -> str:
    """Path of a page inside of the house."""
    return str(page.relative_to(HOUSE))


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, with the line that they begin at."""
    found = []
    for match in _FENCE.finditer(text(page)):
        line = text(page).count("\n", 0, match.start()) + 1
        language, _, title = match[2].partition(" title=")
        lines = [row.removeprefix(match[1]) for row in match[3].splitlines()]
        found.append(Block(f"{name(page)}:{line}", language, title.strip('"'), lines))
    return found


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text(page))


def inline(page: Path) -> list[str]:
    """What stands between single backticks, outside of blocks."""
    return _INLINE.findall(prose(page))


def scripts() -> list[Block]:
    """Blocks of commands of all pages."""
    return [block for page in PAGES for block in blocks(page) if block.language == "sh"]


def commands(block: Block) -> list[Command]:
    """The commands of a block; lines that end in a backslash are joined."""
    found = []
    for line in "\n".join(block.lines).replace("\\\n", " ").splitlines():
        typed = _COMMENT.sub("", line).strip()
        if typed and not typed.startswith("#"):
            told = _ENDS.search(line)
            found.append(Command(block.place, typed, int(told[1]) if told else 0))
    return found

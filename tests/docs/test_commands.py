"""Every command of README and docs/ is run; the few that cannot be are parsed, and why stands here.

A block marked `sh` is one test. It gets a folder of its own with what its commands name, and they run in
order. A renamed option, command, target or file fails here.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs import parsers, sandbox
from tests.docs.pages import PAGES, Block, Command, blocks, commands, inline, name, prose, scripts

# A command of seconds on a quiet core; the tests may run beside much else.
LIMIT_S = 200
pytestmark = pytest.mark.timeout(900)
MINUTES = "takes minutes"
NETWORK = "needs a network"
BOARD = "needs a Pico"
BENCH = "a bench: tests/integration runs one"
ENDLESS = "runs until it is ended"
# Commands that are not run, only parsed, by how they begin; and why.
NOT_RUN = {
    "make demo": BENCH,
    "make results": BENCH,
    "bot4 demo": BENCH,
    "bot4 bench measure": BENCH,
    "bot4 bench doctor": "brings a bench up: tests/bench does",
    "pytest hil": BENCH,
    "make ": MINUTES,
    "bot4 perf": MINUTES,
    "bot4 forecast": MINUTES,
    "bot4 validate run": MINUTES,
    "bot4 validate leakage": MINUTES,
    "bot4 train sp500": MINUTES,
    "pip install": NETWORK,
    "bot4 data fetch": NETWORK,
    "bot4 firmware flash": BOARD,
    "bot4 firmware provision": BOARD,
    "bot4 run": ENDLESS,
    "bot4 dashboard --listen": ENDLESS,
    "python -m host.exchange": ENDLESS,
    "python -m tests.rig.physical.world": ENDLESS,
    "bot4 enrich ask": "asks an API that costs money",
    "tools/vm-gpio/run-in-vm.sh": "needs QEMU: make test-gpio runs it",
}
# The system's own: there is nothing of ours in them to be renamed.
NOT_OURS = ("pipx ", "ssh ", ". .venv/bin/activate")
# Their end depends on machine or figures; each other one ends as its comment says, or with 0.
EITHER = (
    "bot4 doctor", "bot4 bench analyze", "bot4 bench report runs/quiet runs/loaded", "bot4 var",
    "bot4 train", "bot4 card",
)  # fmt: skip
EXACT = {"bot4 dashboard": ENDLESS}


# What another page has shown already: each command is run once.
RAN: set[Command] = set()


def reason(command: Command) -> str | None:
    """Why a command is only parsed, or None."""
    begins = (why for start, why in NOT_RUN.items() if command.text.startswith(start))
    return EXACT.get(command.text) or next(begins, None)


def parsed_only(command: Command) -> bool:
    """Check a command that is not run; False for one that is."""
    if command.text.startswith(NOT_OURS):
        return True
    if command.words[0] == "sudo":
        parsers.check_as_root(command.words)
        return True
    if reason(command) is None:
        return False
    if not command.text.startswith("tools/"):
        parsers.check(command.words)
    return True


def run(command: Command, folder: Path) -> str | None:
    """Run one command; return what was wrong with it."""
    done = subprocess.run(
        ["sh", "-c", command.text],
        cwd=folder,
        env=sandbox.surroundings(folder),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    allowed = {0, 1} if command.text.startswith(EITHER) else {command.ends}
    if done.returncode in allowed:
        return None
    told = (done.stderr or done.stdout).strip()[-400:]
    return f"{command.place}: `{command.text}` ended with {done.returncode}: {told}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each block begins with."""
    folder = tmp_path_factory.mktemp("sandbox")
    sandbox.fill(folder)
    return folder


@pytest.mark.parametrize("block", scripts(), ids=lambda block: block.place)
def test_the_commands_of_a_block_work(block: Block, filled: Path, tmp_path: Path) -> None:
    place = shutil.copytree(filled, tmp_path / "reader", symlinks=True)
    for command in commands(block):
        if not parsed_only(command) and command._replace(place="") not in RAN:
            program = command.words[0]
            if program != "bot4" and shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")
            wrong = run(command, place)
            assert wrong is None, wrong
            RAN.add(command._replace(place=""))


def test_there_are_commands_of_both_kinds() -> None:
    every = [command for block in scripts() for command in commands(block)]
    ran = [command for command in every if not parsed_only(command)]
    print(f"{len(every)} commands, {len(ran)} of them run, {len(every) - len(ran)} parsed")
    assert len(ran) >= 30
    assert len(every) > len(ran)


@pytest.mark.parametrize("start", [*NOT_RUN, *EITHER, *EXACT])
def test_every_exception_is_still_needed(start: str) -> None:
    known = [command.text for block in scripts() for command in commands(block)]
    assert any(text.startswith(start) for text in known), f"no command begins with {start!r}"


# Programs of ours that are no `bot4` command and whose options a text may name.
OTHERS = (("host.exchange",), ("host.paper",), ("host.guard",), ("tools.docs",), ("pytest", "hil"))
# Labels that are hashed, and a mark of a file: no commands.
LABELS = {"bot4 answer", "bot4 attestation", "bot4 receipt", "bot4 session", "bot4 test trust root"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_the_text_names_exists(page: Path) -> None:
    """Commands and options between backticks; `bench analyze|report` and FILE are a text's own."""
    for text in inline(page):
        words = text.replace("[", "").replace("]", "").split()
        if words[:1] == ["make"] and len(words) == 2:
            parsers.make(words[1:])
        elif words[:1] == ["bot4"] and text not in LABELS and "|" not in text:
            parsers.named(words[1:])
        elif text.startswith("--") and words[0] not in parsers.options():
            known = " ".join(parsers.help_of(*other) for other in OTHERS)
            assert re.search(rf"{words[0]}(?![\w-])", known), f"{name(page)}: nobody has {text}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_command_stands_outside_of_a_block(page: Path) -> None:
    """What is indented or in a block of another language is not run: no command stands there."""
    begins = re.compile(r"^(?:\$ )?(?:bot4|make|pip|pytest|python3?|\.venv/bin/\w+|sudo) \w")
    elsewhere = [line for block in blocks(page) if block.language != "sh" for line in block.lines]
    indented = re.findall(r"^ {4,}(\S.*)$", prose(page), re.M)
    assert [line for line in (*elsewhere, *indented) if begins.match(line)] == []


@pytest.mark.parametrize(
    "line",
    [
        "bot4 nonsense",
        "bot4 audit",
        "bot4 audit verify",
        "bot4 audit verify log --whitness-key k",
        "bot4 bench measure --presses many",
        "make nonsense",
        "pip install 'bot4[nonsense]'",
        "pytest hil --nonsense",
        "pytest hil/nonsense",
        "python -m host.nonsense",
        "python -m host.exchange kraken BTC/USD --nonsense",
        "nonsense",
    ],
)
def test_a_command_that_is_wrong_is_found(line: str) -> None:
    with pytest.raises(parsers.NotUnderstood):
        parsers.check(Command("here", line).words)


def test_ours_is_looked_at_behind_sudo_too() -> None:
    parsers.check_as_root(["sudo", "-u", "bot4", "/opt/bot4/bin/bot4", "doctor", "--json"])
    parsers.check_as_root(["sudo", "systemctl", "stop", "bot4", "&&", "sudo", "bot4", "status"])
    with pytest.raises(parsers.NotUnderstood):
        parsers.check_as_root(["sudo", "true", "&&", "sudo", "/opt/bot4/bin/bot4", "nonsense"])


def test_a_command_that_fails_is_found(tmp_path: Path) -> None:
    assert run(Command("here", "bot4 bench report runs/none"), tmp_path)
    assert run(Command("here", "bot4 data list"), tmp_path) is None

"""A bar on a terminal, lines in a pipe, nothing beside JSON."""

from __future__ import annotations

import contextlib
import os
import pty
import sys
from collections.abc import Iterable

import pytest

from rig.progress import Pressed, progress

NEWS = ["starting [bold]", *(Pressed("one_core", n, 300) for n in range(1, 301)), "judging"]


def say_all(quiet: bool, news: Iterable[str | Pressed] = NEWS) -> None:
    with progress(quiet) as say:
        for each in news:
            say(each)


def test_a_pipe_gets_a_hundred_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    say_all(quiet=False)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 102
    assert lines[1].endswith("one core: press 3 of 300")
    assert "[bold]" in lines[0]
    assert "\x1b" not in "".join(lines)


def test_json_has_nothing_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    say_all(quiet=True)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    main, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        say_all(quiet=False, news=[NEWS[0], Pressed("own_core", 7, 7)])
    told = b""
    with contextlib.suppress(OSError):  # as the end of a terminal reads
        while part := os.read(main, 65536):
            told += part
    shown = told.decode()
    os.close(main)
    assert "own core" in shown
    assert "7/7" in shown
    assert "\u2501" in shown
    assert "[bold]" in shown

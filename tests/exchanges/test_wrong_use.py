"""Wrong arguments, keys that others can read, untested exchanges: one line, and nothing is sent."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from host.exchange import capabilities, keys
from host.exchange.client import DIALECTS
from host.exchange.keys import BadKeys, Keys
from host.venues.capabilities import CAPABILITIES

KEY, SECRET = "k" * 20, "s3cr3t" * 8


HERE = ("kraken", "BTC/USD", "--url", "http://127.0.0.1:9")


def run(*arguments: str) -> tuple[int, str]:
    """Run the connector; return its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "host.exchange", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required"),
        (["bybit", "BTC/USDT"], "bybit is untested: real orders go to tested exchanges alone"),
        (["nowhere", "BTC/USDT"], "nowhere is not in the table of exchanges"),
        (["kraken", "BTC/USD", "--timeout-ms", "1"], "--timeout-ms must be 100 to 60000"),
        (["kraken", "BTC/USD", "--url", "http://example.com"], "--url: only of a server on this machine"),
        (["kraken", "BTC/USD", "--strategy", "Not One"], "a strategy is [a-z0-9]{1,12}"),
        (["kraken", "BTC/USD", "--url", "http://127.0.0.1:80@api.kraken.com"], "--url: only of a server"),
        (["kraken", "BTC/USD", "--url", "testnet"], "kraken has no test network"),
        (["okx", "BTC/USDT", "--url", "testnet"], "okx has no test network"),
        (["kraken", "BTC/USD"], "without --url orders are real, and only `bot4 run --live` starts that"),
        ([*HERE], "keys: set BOT4_KRAKEN_KEY and BOT4_KRAKEN_SECRET"),
        ([*HERE, "--keys", "/nowhere"], "keys: /nowhere: No such file"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOT4_KRAKEN_KEY", raising=False)
    needed = ["--listen", "/nowhere/sock", "--guard", "/nowhere"] if arguments else []
    code, text = run(*arguments, *needed)
    assert code == 2
    assert said in text
    assert text.count("\n") == 1


def test_only_tested_rows_are_live_and_they_have_a_dialect() -> None:
    tested = {row.id for row in capabilities.ROWS if row.tested}
    assert tested == set(DIALECTS)
    assert all(capabilities.why_not_live(name) == "" for name in tested)
    for name in ("bybit", "hyperliquid", "anything", "", "BINANCE"):
        assert "real orders go to tested exchanges alone" in capabilities.why_not_live(name)


def test_the_table_speaks_the_words_of_the_protocol() -> None:
    for row in capabilities.ROWS:
        assert row.can <= CAPABILITIES.keys()
        assert row.tested or not row.can, "nothing is kept at an exchange that was never tried"
        switch = row.deadman
        assert ("deadman" in row.can) <= (switch is not None and bool(switch.method))
        # Where nobody says that stops stay, they are taken to go.
        assert ("deadman_stops" in row.can) == ("deadman" in row.can and switch.stops is not False)
    cautious = capabilities.of("somewhere")
    assert (cautious.tested, cautious.can, cautious.deadman) == (False, frozenset(), None)


@pytest.mark.parametrize(
    ("wanted", "set_to"), [(0, 0), (1, 10_000), (60_000, 60_000), (10**9, 120_000)]
)
def test_a_dead_mans_switch_is_set_within_its_range(wanted: int, set_to: int) -> None:
    switch = capabilities.of("okx").deadman
    assert switch is not None
    assert switch.fitting_ms(wanted) == set_to


def written(folder: Path, text: str, mode: int = 0o600) -> str:
    """A file of keys."""
    file = folder / "keys.toml"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


def test_keys_come_from_a_file_of_the_owner_alone(tmp_path: Path) -> None:
    good = f'key = "{KEY}"\nsecret = "{SECRET}"\n'
    found = keys.load("okx", written(tmp_path, good))
    assert (found.key, found.secret) == (KEY, SECRET)
    for mode in (0o640, 0o604, 0o660, 0o700, 0o666):
        with pytest.raises(BadKeys, match="0600"):
            keys.load("okx", written(tmp_path, good, mode))


@pytest.mark.parametrize(
    "text", ["", "key = 1", 'key = "a"', "not toml", 'key = "a"\nsecret = ""', "\xff",
             'key = "a"\nsecret = "b"\nseceret = "c"'],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_without_its_content(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadKeys) as complaint:
        keys.load("okx", written(tmp_path, text))
    assert "\n" not in str(complaint.value)
    assert '"a"' not in str(complaint.value)


def test_keys_come_from_the_environment() -> None:
    found = keys.load(
        "okx", "", {"BOT4_OKX_KEY": KEY, "BOT4_OKX_SECRET": SECRET, "BOT4_OKX_PASSPHRASE": "p"}
    )
    assert (found.key, found.secret, found.passphrase) == (KEY, SECRET, "p")
    with pytest.raises(BadKeys, match="BOT4_OKX_SECRET"):
        keys.load("okx", "", {"BOT4_OKX_KEY": KEY})


def test_nothing_that_is_printed_has_a_key_in_it() -> None:
    own = Keys(KEY, SECRET, "phrase")
    url = f"https://x/api?apiKey={KEY}&signature=0123456789abcdef0123456789abcdef0123456789abcdef"
    shown = own.hide(f"RequestTimeout: {url}\n{SECRET} phrase " + "A" * 88)
    assert not re.search(f"{KEY}|{SECRET}|phrase|0123456789abcdef|AAAA|\n", shown)
    assert repr(own) == str(own) == "Keys(...)"

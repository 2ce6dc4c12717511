"""One file, typed; every complaint is one line with file, section and key."""

import subprocess
import sys
from pathlib import Path

import pytest

from host import config
from host.modes import OnKill

GOOD = config.DEFAULT.read_text()
RAILS = [
    "max_order_value_quote", "max_order_quantity_base", "max_position_value_quote",
    "max_open_orders", "max_open_value_quote", "max_strategy_value_quote",
    "max_account_value_quote", "max_loss_quote", "loss_window_s", "price_collar_share",
    "price_window_share", "price_window_s", "max_messages_per_s", "cancel_reserve_per_s",
    "max_orders_per_day", "max_executions", "execution_window_s", "duplicate_window_s",
    "restricted_instruments", "authorised_strategies", "max_data_age_s",
    "max_var_share", "max_cvar_share", "max_exposure_share", "max_drawdown_share",
    "max_forecast_age_s",
]  # fmt: skip


def complaint(tmp_path: Path, text: str | bytes) -> str:
    file = tmp_path / "bot4.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(config.ConfigError) as caught:
        config.load(file)
    line = str(caught.value)
    assert line.startswith(f"{file}: ")
    assert "\n" not in line
    return line.removeprefix(f"{file}: ")


def without(key: str) -> str:
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{key} ")]
    assert len(lines) == len(GOOD.splitlines()) - 1
    return "\n".join(lines)


def test_the_list_of_rails_here_is_the_one_there() -> None:
    assert set(config.Limits.__struct_fields__) == set(RAILS)


@pytest.mark.parametrize("rail", RAILS)
def test_a_rail_that_is_neither_set_nor_loosened_is_refused(tmp_path: Path, rail: str) -> None:
    said = complaint(tmp_path, without(rail))
    assert said == f'[limits] {rail}: neither set nor loosened ("loosened: why")'


@pytest.mark.parametrize(
    "value",
    ["0", "-1", "nan", "inf", "1e13", '"loosened:"', '"loosened:  "', '"off"', "true", "[]"],
)
def test_a_rail_out_of_range_or_loosened_without_a_reason_is_refused(
    tmp_path: Path, value: str
) -> None:
    text = f"{without('max_order_value_quote')}\nmax_order_value_quote = {value}\n"
    assert complaint(tmp_path, text).startswith("[limits] max_order_value_quote: ")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD + "max_ordr_value_quote = 1\n", "[limits] max_ordr_value_quote: unknown key"),
        (GOOD + "[guard]\nx = 1\n", "[guard]: unknown section"),
        (GOOD.replace("[strategy]", "[host]"), "[host] id: unknown key"),
        (without("instrument"), "[strategy] instrument: missing"),
        (GOOD.replace('"cancel_entries"', '"nothing"'), "[emergency] on_kill: "),
        (GOOD.replace('"trend"\ninst', '"TREND!"\ninst'), "[strategy] id: "),
        (GOOD + "[host]\nprofile = 'quick'\n", "[host] profile: "),
        (GOOD + "[alerts]\nwebhook_url = 'ftp://x'\n", "[alerts] webhook_url: "),
        (GOOD + "[alerts]\nsmtp_host = 'x'\n", "[alerts] smtp_host: needs"),
        (GOOD + "[alerts]\nmail_to = [1]\n", "[alerts] mail_to[0]: "),
        (GOOD.replace("_s = 200", "_s = 2000"), "[limits] cancel_reserve_per_s: must be below"),
        (GOOD.replace("instruments = []", "instruments = ['a b']"), "[limits] restricted_"),
        (GOOD + "[host]\nserial = ''\n", "[host] serial: "),
        (
            GOOD.replace('"cancel_entries"', '"cancel_all"\nslippage_bps = 300'),
            "[emergency] most_slippage_bps: ",
        ),
        (GOOD + "[[venue]]\nname = 'b'\n", "[venue[0]] socket: missing"),
        (
            GOOD + "[[venue]]\nname = 'k'\nexchange = 'kraken'\nsocket = 's'\n",
            "[venue[0]] socket: of",
        ),
        (GOOD + "[[venue]]\nname = 'k'\nsocket = 's'\nkeys = 'f'\n", "[venue[0]] keys: of an exch"),
        (GOOD + "[[venue]]\nname = 'k'\nexchange = '../x'\n", "[venue[0]] exchange: "),
        (GOOD + "[[venue]]\nname = 'engine'\nexchange = 'okx'\n", "[venue[0]] name: 'engine' is"),
        *(
            (
                GOOD + f"[[venue]]\nname = 'k'\nexchange = 'kraken'\nurl = '{url}'\n",
                "[venue[0]] url: ",
            )
            for url in (
                "http://127.0.0.1:80@api.kraken.com",
                "http://127.0.0.1:80/@api.kraken.com",
                "http://127.0.0.1",
                "https://api.kraken.com",
                "http://localhost.evil:80",
                "http://localhost:80\\n",
                "live",
            )
        ),
        (GOOD + "[[venue]]\nname = 'B!'\nsocket = 'x'\n", "[venue[0]] name: "),
        (GOOD + "[[venue]]\nname = 'b'\nsocket = 'x'\nsokket = 'y'\n", "[venue[0]] sokket: unk"),
        (
            GOOD + "[[venue]]\nname = 'b'\nsocket = 'x'\ncancel_deadline_s = 0\n",
            "[venue[0]] cancel_deadline_s: ",
        ),
        (GOOD + "[[venue]]\nname = 'b'\nsocket = 'x'\n" * 2, "[[venue]] name: 'b' stands twice"),
        (GOOD + "[reconciliation]\ndeadline_ms = 1000\n", "[reconciliation] deadline_ms: must be"),
        (GOOD.replace('"PAPER"', '"PAPER"\nvenue = "No"'), "[strategy] venue: "),
        (GOOD.replace('"PAPER"', '"PAPER"\nstop_distance_bps = 0'), "[strategy] stop_distance"),
        (GOOD.replace("[limits]", "[limits"), "not TOML: "),
        (GOOD + "[limits]\n", "not TOML: "),
        ("", "[strategy]: this section is missing"),
        (b"\xff\xfe", "not TOML: "),
    ],
)
def test_every_other_fault_names_section_and_key(
    tmp_path: Path, text: str | bytes, named: str
) -> None:
    assert complaint(tmp_path, text).startswith(named)


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, what: str) -> None:
    path = tmp_path if what == "folder" else tmp_path / "none.toml"
    with pytest.raises(config.ConfigError, match=str(path)):
        config.load(path)


def test_what_is_set_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "bot4.toml"
    text = GOOD.replace('"cancel_entries"', '"flatten"\nslice_value_quote = 250')
    file.write_text(text + '[host]\nserial = "/dev/ttyX"\n')
    loaded = config.load(file)
    assert loaded.emergency.on_kill == OnKill.FLATTEN
    assert loaded.emergency.slice_value_quote == 250.0
    assert (loaded.host.serial, loaded.host.profile) == ("/dev/ttyX", "production")


def test_loading_never_crashes_the_process_at_its_end() -> None:
    # msgspec 0.22 did so in one of four with patterns in the types.
    script = "from host import config; config.load(config.DEFAULT)"
    codes = [subprocess.run([sys.executable, "-c", script]).returncode for _ in range(12)]
    assert codes == [0] * 12


@pytest.mark.parametrize("missing", ["max_loss_quote", "authorised_strategies"])
def test_a_host_without_a_rail_does_not_start(tmp_path: Path, missing: str) -> None:
    file = tmp_path / "bot4.toml"
    file.write_text(without(missing))
    command = [sys.executable, "-m", "bot4", "run", "--config", str(file), "--venue", "none.sock"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == (
        f'bot4: {file}: [limits] {missing}: neither set nor loosened ("loosened: why")\n'
    )
    assert not (tmp_path / "run").exists()


def test_the_venue_that_is_traded_at_comes_first_and_an_option_goes_before_its_socket(
    tmp_path: Path,
) -> None:
    file = tmp_path / "bot4.toml"
    file.write_text(
        GOOD + "[[venue]]\nname = 'b'\nsocket = '/b'\nliquidate_deadline_s = 9\n"
        "[[venue]]\nname = 'paper'\nsocket = '/p'\nreduce_only = false\n"
    )
    loaded = config.load(file)
    assert [(v.name, v.socket) for v in loaded.venues()] == [("paper", "/p"), ("b", "/b")]
    traded, other = loaded.venues("/x")
    assert (traded.socket, traded.reduce_only, other.reduce_only) == ("/x", False, True)
    assert traded.deadlines(loaded.emergency) == loaded.emergency
    own = other.deadlines(loaded.emergency)
    assert own.liquidate_deadline_s == 9
    assert own.cancel_deadline_s == loaded.emergency.cancel_deadline_s


def test_a_host_that_is_told_of_no_venue_does_not_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot4", "run", "--config", str(config.DEFAULT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == (
        f"bot4: {config.DEFAULT}: [strategy] venue: no [[venue]] is called 'paper', "
        "and no --venue is given\n"
    )

"""Bench files: those of the repository load, and what is wrong with one is named in one line."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig import benches
from rig.benchfile import BenchFileError, documented, load, names

GOOD = """
[controller]
kind = "virtual"
[analyser]
kind = "virtual"
[stimulus]
kind = "virtual"
"""


@pytest.mark.parametrize("name", names())
def test_every_bench_of_the_repository_loads(name: str) -> None:
    assert set(load(name).channels) >= {"HALT", "ACK", "SWITCH_A", "SWITCH_B"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[controller]", "[controler]", "[controler]"),
        ("[controller]\n", "[controller]\nprot = 1\n", "[controller] prot: unknown key"),
        ('[controller]\nkind = "virtual"', '[controller]\nkind = "pico"', "not one of virtual"),
        ('[controller]\nkind = "virtual"', '[controller]\nkind = "serial"', "needs a port"),
        ('[controller]\nkind = "virtual"\n', "", "[controller]"),
        ("[analyser]\nkind", "[analyser]\nknid", "[analyser]"),
        ('[analyser]\nkind = "virtual"', '[analyser]\nkind = "sigrok"', "[analyser] sigrok"),
        ("[controller]\n", 'profile = "quick"\n[controller]\n', "[profile]"),
        ("[stimulus]\n", '[host]\nkind = "ssh"\n[stimulus]\n', "needs address"),
        ("[stimulus]\n", '[host]\naddress = "a@b"\n[stimulus]\n', "local host has no address"),
        ("[stimulus]\n", '[host]\nfolder = "/x"\n[stimulus]\n', "it has no folder"),
        ("[stimulus]\n", '[wiring]\nHATL = "D2"\n[stimulus]\n', "HATL: no such line"),
        ("[stimulus]\n", '[wiring]\nREARM = "D2"\n[stimulus]\n', "REARM: no such line"),
        ("[stimulus]\n", '[wiring]\nHALT = "D3"\n[stimulus]\n', "D3 carries two lines"),
        ("[stimulus]\n", "[limits]\nswitch_to_ack_us = 2000\n[stimulus]\n", "switch_to_ack_us"),
        ("[stimulus]\n", "[limits]\nswitch_to_ack_us = 0\n[stimulus]\n", "switch_to_ack_us"),
        ("[stimulus]\n", "[limits]\nswitch_to_ack_us = nan\n[stimulus]\n", "switch_to_ack_us"),
        ("[controller]", "[controller", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "bench.toml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(BenchFileError) as caught:
        load(str(file))
    assert said in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nope", "no/such.toml", "."])
def test_a_bench_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(BenchFileError):
        load(name)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_file_does_more_than_complain(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "random.toml"
    file.write_bytes(data)
    with pytest.raises(BenchFileError) as caught:
        load(str(file))
    assert "\n" not in str(caught.value)


def test_wiring_of_the_file_goes_before_the_table(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text(GOOD + '[wiring]\nHALT = "D3"\nACK = "D2"\n')
    channels = load(str(file)).channels
    assert (channels["HALT"], channels["ACK"], channels["SWITCH_A"]) == ("D3", "D2", "D0")


def test_a_tighter_limit_and_the_profile_reach_the_run(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    file.write_text('profile = "production"\n' + GOOD + "[limits]\nswitch_to_ack_us = 500\n")
    made = benches.setup(load(str(file)), out=tmp_path)
    assert (made.limit_us, made.profile) == (500.0, "production")


def test_every_key_is_documented() -> None:
    assert {(section, key) for section, key, _default, _what in documented()} >= {
        ("controller", "kind"),
        ("host", "argv"),
        ("limits", "switch_to_ack_us"),
        ("", "profile"),
    }

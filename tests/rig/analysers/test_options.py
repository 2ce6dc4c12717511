"""Kinds of analysers and their options, before anything is opened."""

import sys

import pytest

from rig.analysers import AnalyserAbsent, check_resolution, open_analyser
from rig.parts import OptionError


def test_an_unknown_kind_is_told_which_there_are() -> None:
    with pytest.raises(
        OptionError, match="'scope': it is one of emulated, saleae, sigrok, virtual"
    ):
        open_analyser("scope", {})


@pytest.mark.parametrize("kind", ["virtual", "emulated"])
def test_an_analyser_of_a_bench_needs_that_bench(kind: str) -> None:
    with pytest.raises(AnalyserAbsent, match=f"{kind} bench, which is not up"):
        open_analyser(kind, {})
    with pytest.raises(OptionError, match="no option 'rate', only none"):
        open_analyser(kind, {"rate": 1})


def test_a_missing_option_is_named() -> None:
    with pytest.raises(OptionError, match="driver"):
        open_analyser("sigrok", {"sample_rate_hz": 1_000_000})


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "saleae.automation", None)
    with pytest.raises(AnalyserAbsent, match=r"pip install 'bot4\[saleae\]'"):
        open_analyser("saleae", {"sample_rate_hz": 1_000_000})


@pytest.mark.parametrize("limit_us", [0, -1, float("nan")])
def test_a_limit_must_be_one(limit_us: float) -> None:
    with pytest.raises(OptionError, match="limit"):
        check_resolution(1_000_000, limit_us)

"""The methods walked forward: nothing of the future, right where the truth is known, and the limits."""

import os
from pathlib import Path

import numpy as np
import pytest

from host.data.reader import read
from host.models import Params, simulate
from host.risk import bars, report
from host.risk.bars import DAY_S, HOUR_S, BadData, Bars
from host.risk.methods import METHODS, Methods, least

HOUSE = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("BOT4_DATA", HOUSE.parent / "shared" / "data"))
TRUTH = Params(mu=0.05, omega=0.05, alpha=0.1, beta=0.88, nu=4.0)
CRYPTOS = ("btc", "bnb", "ltc", "ada", "doge", "link")


def made_up(n: int, step_s: int = DAY_S, seed: int = 1) -> Bars:
    returns = simulate(TRUTH, n, seed)
    ranges = returns**2 * np.random.default_rng(seed).uniform(0.5, 2.0, n) + 0.01
    times = np.arange(n, dtype=np.int64) * step_s * 10**9
    return Bars("made up", times, returns, ranges, step_s, 0)


@pytest.mark.parametrize("step_s", [DAY_S, HOUR_S])
@pytest.mark.parametrize("method", METHODS)
def test_what_comes_later_changes_no_forecast(method: str, step_s: int) -> None:
    whole = made_up(1_200, step_s)
    other = made_up(1_200, step_s, seed=2)
    cut, first = 1_100, 1_000
    spliced = Bars(
        "spliced", whole.time_ns,
        np.append(whole.returns[:cut], 5 * other.returns[cut:]),
        np.append(whole.range_variance[:cut], other.range_variance[cut:]), step_s, 0,
    )  # fmt: skip
    ours, theirs = (Methods(each, first, 0.01, 4.0).tails(method) for each in (whole, spliced))
    for one, two in zip(ours, theirs, strict=True):
        assert np.isnan(one[:first]).all()
        assert (one[first : cut + 1] == two[first : cut + 1]).all()
        assert (one[cut + 1 :] != two[cut + 1 :]).any()
    assert (ours[1][first:] <= ours[0][first:]).all()


def test_the_true_model_is_right_and_historical_simulation_is_not_as_good() -> None:
    made = Methods(made_up(4_000), 1_000, 0.01, 4.0)
    found = {
        name: report.backtest([report.test(made, name)]) for name in ("garch-t", "hs", "combined")
    }
    for name, told in found.items():
        print(name, {key: told[key] for key in ("violations", "kupiec_p", "z2", "gain_over_hs250")})
    assert found["garch-t"]["kupiec_p"] > 0.05
    assert abs(found["garch-t"]["z2"]) < 0.3
    assert found["garch-t"]["gain_over_hs250"] > 0.05
    assert found["hs"]["gain_over_hs250"] == 0.0


def test_the_next_bar_is_forecast_from_all_of_them() -> None:
    whole = made_up(900)
    longer = whole.with_next()
    made = Methods(longer, 900, 0.01, 4.0)
    quantile, mean = made.tails("combined")
    assert np.isnan(quantile[:900]).all()
    assert mean[900] < quantile[900] < 0
    assert longer.time_ns[-1] - longer.time_ns[-2] == DAY_S * 10**9


def test_too_few_bars_are_refused() -> None:
    short = made_up(600)
    with pytest.raises(ValueError, match="are needed"):
        Methods(short, least(short) - 1, 0.01, 4.0)
    with pytest.raises(BadData, match="none is left"):
        short.begin("2030-01-01", least(short))


def test_limits_that_are_missed_are_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Methods(made_up(2_500), 1_000, 0.01, 4.0)
    good = report.test(made, "garch-t")
    tight = Methods(made.bars, 1_000, 0.01, 4.0)
    low, mean = tight.garch_t()
    monkeypatch.setattr(tight, "tails", lambda _method: (low / 2, mean / 2))
    bad = report.test(tight, "garch-t")
    passed = [line["pass"] for line in report.limits([good], report.backtest([good]))]
    missed = {
        line["limit"].split()[0]: line["pass"]
        for line in report.limits([bad], report.backtest([bad]))
    }
    assert all(passed)
    assert not any(missed[name] for name in ("violations", "Kupiec", "Christoffersen", "|Z2|"))


# -- bars -----------------------------------------------------------------------------------

HEAD = "timestamp,open,high,low,close,volume\n"


def written(folder: Path, days: list[int], closes: list[float]) -> Path:
    file = folder / "bars.csv"
    rows = [
        f"2024-01-{day:02}T00:00:00Z,{c},{c},{c},{c},1\n"
        for day, c in zip(days, closes, strict=True)
    ]
    file.write_text(HEAD + "".join(rows))
    return file


def test_the_grid_its_gaps_and_the_calendar_are_found(tmp_path: Path) -> None:
    days = [1, 2, 3, 4, 5, 8, 9, 10, 11, 12]
    found = bars.of(read(str(written(tmp_path, days, [float(day) for day in days]))))
    assert (found.step_s, found.gaps, found.daily, found.every_day) == (DAY_S, 1, True, False)
    assert found.returns[0] == pytest.approx(100 * np.log(2))


@pytest.mark.parametrize(
    ("days", "closes", "named"),
    [([1, 2, 3, 4], [5.0] * 4, "never changes"), ([1, 2], [1.0, 2.0], "too few"),
     ([1, 3, 5, 6, 8, 10], [1.0, 2, 3, 4, 5, 6], "mixed")],
)  # fmt: skip
def test_bars_that_nothing_can_be_measured_on(
    tmp_path: Path, days: list[int], closes: list[float], named: str
) -> None:
    with pytest.raises(BadData, match=named):
        bars.of(read(str(written(tmp_path, days, closes))))


# -- the limits, on recorded data -------------------------------------------------------------


def walked(file: str, start: str | None) -> report.Tested:
    found = bars.of(read(file))
    df = 4.0 if found.every_day else (3.0, 30.0)
    return report.test(Methods(found, found.begin(start, least(found)), 0.01, df), "combined")


def hold(all_of: list[report.Tested]) -> None:
    lines = report.limits(all_of, report.backtest(all_of))
    print("\n" + "\n".join(f"{x['limit']:34} {x['reached']:.4g} {x['pass']}" for x in lines))
    assert lines
    assert all(line["pass"] for line in lines)


@pytest.mark.skipif(not SHARED.exists(), reason=f"no market data at {SHARED}")
def test_the_limits_hold_on_bitcoin_and_on_six_cryptos_pooled() -> None:
    all_of = [
        walked(str(SHARED / f"{name}_usdt_1d_binance.csv.gz"), "2019-01-01") for name in CRYPTOS
    ]
    hold(all_of[:1])
    assert len(all_of[0].returns) > 2_400
    hold(all_of)


def test_the_limit_holds_on_the_sp500() -> None:
    hold([walked("sp500", None)])

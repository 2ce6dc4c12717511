"""`bot4 fit` and `bot4 forecast`: their output, their limits, and one line for every bad input."""

import json
import subprocess
import sys

import numpy as np
import pytest

from bot4 import cli
from host.models.evaluate import MEAN, NO_GAIN, Evaluation
from host.models.limits import lines
from host.models.series import Returns, read_returns
from host.models.spec import Spec
from tests.models.kit import DMGBP, daily_csv, market, prices_of, simulated


@pytest.fixture
def bot4(monkeypatch, capsys):
    """Run one command in this process; return its exit code, output and complaints."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bot4", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return run


def refused(result):
    code, out, err = result
    assert code == 2
    assert out == ""
    assert err.startswith("bot4: ")
    assert len(err.splitlines()) == 1
    return err


def test_fit_prints_what_it_promises(bot4, tmp_path):
    file = daily_csv(tmp_path / "x.csv", prices_of(simulated(400)))
    code, out, _ = bot4("fit", file, "--ar", 1, "--ma", 1, "--df", "3:30", "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) >= {"n", "dist", "params", "loglik", "converged", "method", "seconds"}
    assert set(found["params"]) >= {"mu", "ar", "ma", "omega", "alpha", "beta", "nu"}
    assert found["n"] == 400
    variance = found["forecast"]["variance"]
    assert found["forecast"]["sigma_annual"] == pytest.approx((365 * variance) ** 0.5)
    assert 3.0 <= found["params"]["nu"] <= 30.0
    code, text, _ = bot4("fit", file)
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80


def test_fit_at_its_own_optimum_gives_the_same_likelihood(bot4, tmp_path):
    file = daily_csv(tmp_path / "x.csv", prices_of(simulated(400)))
    stored = tmp_path / "model.json"
    _, out, _ = bot4("fit", file, "--save", stored, "--json")
    fitted = json.loads(out)
    printed = tmp_path / "params.json"
    printed.write_text(out)
    for params in (stored, printed):
        code, out, _ = bot4("fit", file, "--at", params, "--json")
        given = json.loads(out)
        assert (code, given["method"]) == (0, "given")
        assert given["loglik"] == pytest.approx(fitted["loglik"], abs=1e-9)
        assert given["forecast"] == pytest.approx(fitted["forecast"], rel=1e-12)


def test_a_column_of_returns_needs_no_time(bot4):
    arguments = ("--returns", "--column", "return", "--ar", 0, "--ma", 0, "--dist", "normal")
    code, out, _ = bot4("fit", DMGBP, *arguments, "--json")
    assert code == 0
    assert json.loads(out)["loglik"] == pytest.approx(-1106.60788, abs=1e-4)


def test_pictures_are_written(bot4, tmp_path):
    file = daily_csv(tmp_path / "x.csv", prices_of(simulated(400)))
    png, page = tmp_path / "x.png", tmp_path / "x.html"
    assert bot4("fit", file, "--png", png, "--html", page)[0] == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in page.read_text()
    assert "log-likelihood" in page.read_text()
    assert "No such file" in refused(bot4("fit", file, "--png", tmp_path / "no" / "x.png"))


def test_forecast_walks_and_prints_its_limits(bot4, tmp_path):
    file = daily_csv(tmp_path / "x.csv", prices_of(simulated(700)))
    code, out, _ = bot4("forecast", file, "--from", "2021-06-01", "--ar", 0, "--ma", 0, "--json")
    found = json.loads(out)
    assert found["realised"] == "squared returns"
    assert all(set(line) == {"limit", "reached", "pass"} for line in found["limits"])
    assert code == (0 if all(line["pass"] for line in found["limits"]) else 1)
    assert code == 1  # a simulated GARCH has too little to gain for the limits


def test_limits_hold_on_bitcoin(bot4):
    daily, hourly = market("btc_usdt_1d_binance.csv.gz"), market("btc_usdt_1h_binance.csv.gz")
    code, out, _ = bot4("forecast", daily, "--from", "2019-01-01", "--realised", hourly, "--json")
    found = json.loads(out)
    failed = [line for line in found["limits"] if not line["pass"] and ", s " not in line["limit"]]
    assert not failed
    assert code in (0, 1)  # 1 when this machine is too busy for the walk
    assert found["refits_failed"] == 0
    assert found["return_verdict"]["verdict"] == NO_GAIN
    assert found["return_verdict"]["used"] == MEAN


def test_limits_fail_for_forecasts_that_are_worthless():
    returns = Returns("x", simulated(600), np.arange(600) * 86_400 * 10**9)
    random = np.random.default_rng(1)
    found = Evaluation(returns, 400, Spec(0, 0), random.exponential(5.0, 600), with_har=True)
    told = {line["limit"]: line["pass"] for line in lines(found)}
    assert not any(good for limit, good in told.items() if "RMSE below" in limit)


PRICES = prices_of(simulated(400))


def with_price(index, value):
    changed = PRICES.tolist()
    changed[index] = value
    return changed


DAYS = np.datetime64("2020-01-01") + np.arange(401)
HOURS = np.datetime64("2020-12-01T00") + np.arange(201)


@pytest.mark.parametrize(
    ("prices", "times", "complaint"),
    [
        (np.full(401, 7.5), None, "constant: all 400 returns are 0"),
        (PRICES[:50], None, "49 returns are too few"),
        (PRICES[:1], None, "too few"),
        (with_price(9, float("nan")), None, "row 10: close is not a number: 'nan'"),
        (with_price(9, 0.0), None, "row 10: close is not a positive number"),
        (with_price(9, -3.0), None, "row 10: close is not a positive number"),
        (with_price(9, 1e9), None, "row 10: return"),
        (np.repeat(PRICES[:134], 3)[:401], None, "are equal (0)"),
        (PRICES, np.r_[DAYS[:20], DAYS[19:-1]], "row 21: date is not after the row before"),
        (PRICES, np.r_[DAYS[:20], DAYS[21], DAYS[20], DAYS[22:]], "row 22: date is not after"),
        (PRICES, np.r_[DAYS[:20], DAYS[20:] + 30], "row 21: 31 days after the row before"),
        (PRICES, np.r_[DAYS[:200], HOURS], "hours after the row before"),
        (PRICES, DAYS[0] + np.cumsum(1 + (np.arange(401) % 5 < 2)), "mixed frequency"),
    ],
)
def test_bad_series_are_one_line_that_names_the_row(bot4, tmp_path, prices, times, complaint):
    file = daily_csv(tmp_path / "x.csv", prices, times=times)
    for command in (["fit", file], ["forecast", file, "--from", "2020-11-01"]):
        told = refused(bot4(*command))
        assert complaint in told
        assert "x.csv" in told


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--dist", "cauchy"], "--dist cauchy: t or normal"),
        (["--df", "many"], "--df many: a number, free, or LO:HI"),
        (["--df", "1.5"], "df 1.5:1.5: from above 2.05"),
        (["--df", "9:3"], "df 9:3"),
        (["--ar", "11"], "ar 11: from 0 to 10"),
        (["--column", "price"], "no column 'price'"),
        (["--at", "none.json"], "none.json: No such file"),
    ],
)
def test_wrong_use_is_one_line(bot4, tmp_path, arguments, complaint):
    file = daily_csv(tmp_path / "x.csv", PRICES)
    assert complaint in refused(bot4("fit", file, *arguments))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "Expected `object`"),
        ("{", "truncated"),
        ('{"mu": 0}', "omega"),
        ('{"mu": 0, "omega": 1, "alpha": 0.5, "beta": 0.5}', "not below 1"),
        ('{"mu": 0, "omega": 1, "nu": 2}', "nu 2.0: not above 2.05"),
    ],
)
def test_bad_parameters_name_the_file(bot4, tmp_path, text, complaint):
    file, params = daily_csv(tmp_path / "x.csv", PRICES), tmp_path / "p.json"
    params.write_text(text)
    told = refused(bot4("fit", file, "--at", params))
    assert complaint in told
    assert "p.json" in told


def test_forecast_says_where_there_is_nothing_to_walk(bot4, tmp_path):
    file = daily_csv(tmp_path / "x.csv", PRICES)
    assert "--from soon" in refused(bot4("forecast", file, "--from", "soon"))
    assert "ends before" in refused(bot4("forecast", file, "--from", "2030-01-01"))
    assert "251 are needed" in refused(bot4("forecast", file, "--from", "2020-02-01"))
    timeless = tmp_path / "t.csv"
    timeless.write_text("close\n" + "\n".join(map(repr, PRICES.tolist())) + "\n")
    assert "no column with times" in refused(bot4("forecast", timeless, "--from", "2020-11-01"))


def test_weekends_are_counted_and_annualised_by_trading_days(tmp_path):
    days = np.arange(np.datetime64("2020-01-01"), np.datetime64("2021-12-31"))
    days = days[np.is_busday(days)]
    found = read_returns(
        daily_csv(tmp_path / "x.csv", prices_of(simulated(len(days) - 1)), times=days)
    )
    assert found.gaps == pytest.approx(104, abs=1)
    assert found.longest_gap_bars == 3.0
    assert found.periods_per_year == pytest.approx(261, abs=1)


def test_other_commands_start_without_the_heavy_libraries():
    heavy = "numpy", "scipy", "statsmodels", "arch", "pandas", "matplotlib"
    check = f"import sys, bot4.cli; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"

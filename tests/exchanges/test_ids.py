"""Our ids survive every exchange's form, and nothing else is taken for one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.engine.provenance import read
from host.exchange import capabilities
from host.exchange.ids import BadId, Form, Ids

FORMS = {row.id: row.ids for row in capabilities.ROWS}
# What the exchanges' documents allow.
ALLOWED = {
    "binance": r"[a-zA-Z0-9_-]{1,36}",
    "binanceusdm": r"[.A-Z:/a-z0-9_-]{1,36}",
    "kraken": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "okx": r"[A-Za-z0-9]{1,32}",
    "gate": r"t-[0-9A-Za-z_.-]{1,28}",
    "hyperliquid": r"0x[0-9a-f]{32}",
}
NAMES = ("trend", "ladder", "a", "abcdefghijkl", "0", "00a")

origins = st.builds(
    "{}.{:x}.{}.{}".format,
    st.sampled_from(NAMES),
    st.integers(0, 2**41),
    st.integers(0, 9999),
    st.integers(0, 999_999),
)


@pytest.mark.parametrize("exchange", FORMS)
@given(order_id=origins)
def test_an_ordinary_id_goes_there_and_comes_back(exchange: str, order_id: str) -> None:
    wire = Ids(FORMS[exchange]).wire(order_id)
    assert re.fullmatch(ALLOWED.get(exchange, r"[A-Za-z0-9-]{1,36}"), wire)
    assert Ids(FORMS[exchange], NAMES).ours(wire) == order_id  # another process, after a restart


@pytest.mark.parametrize("exchange", FORMS)
@given(order_id=st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True))
def test_any_id_comes_back_or_is_refused(exchange: str, order_id: str) -> None:
    ids = Ids(FORMS[exchange], NAMES)
    try:
        wire = ids.wire(order_id)
    except BadId:
        return
    assert len(wire) <= FORMS[exchange].most
    assert ids.ours(wire) == order_id


def test_the_largest_id_of_all_fits_where_letters_and_digits_do() -> None:
    largest = f"zzzzzzzzzzzz.{2**48 - 1:x}.{10**10 - 1}.{10**12 - 1}"
    assert read(largest) is not None
    assert Ids(Form("packed", 32)).ours(Ids(Form("packed", 32)).wire(largest)) == largest


def test_a_strategy_that_nobody_knows_is_not_ours() -> None:
    wire = Ids(FORMS["kraken"]).wire("trend.18c2f0a1b2c.7.42")
    assert Ids(FORMS["kraken"], ["other"]).ours(wire) is None


@pytest.mark.parametrize("exchange", ["kraken", "okx", "hyperliquid", "gate"])
@given(number=st.integers(0, 2**126))
def test_a_number_of_somebody_else_is_hardly_ever_ours(exchange: str, number: int) -> None:
    ids = Ids(FORMS[exchange], NAMES)
    text = {
        "kraken": f"{number >> 96:08x}-{number & 0xFFFF:04x}-0000-0000-000000000000",
        "okx": f"x{number}",
        "hyperliquid": f"0x{number:032x}",
        "gate": f"t-{number:x}"[:28],
    }[exchange]
    found = ids.ours(text)
    assert found is None or ids.wire(found) == text  # never two texts for one id


@given(text=st.text(max_size=80))
def test_any_text_of_an_exchange_is_read_without_a_crash(text: str) -> None:
    for form in FORMS.values():
        Ids(form, NAMES).ours(text)

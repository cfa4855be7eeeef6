"""Promises of money."""

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plait.errors import Code
from plait.money import NANOS, CurrencyMismatch, InvalidMoney, Money

MOST = 2**63 - 1
TOTALS = st.integers(-(10**24), 10**24)
CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "BHD", "CLF"])
AMOUNTS = st.builds(Money.from_nanos, TOTALS, CURRENCIES)
EUROS = st.builds(Money.from_nanos, TOTALS, st.just("EUR"))
RATIOS = st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any)


def eur(amount):
    return Money.parse(amount, "EUR")


# What is an amount


@pytest.mark.parametrize("nanos", [-999_999_999, -1, 0, 1, 999_999_999])
def test_nanos_below_one_unit_are_taken(nanos):
    assert Money.of(0, nanos, "EUR").total_nanos == nanos


@pytest.mark.parametrize("nanos", [-1_000_000_001, -1_000_000_000, 1_000_000_000, 1_000_000_001])
def test_nanos_from_one_unit_on_are_refused(nanos):
    with pytest.raises(InvalidMoney, match="expected nanos from -999999999 to 999999999"):
        Money.of(0, nanos, "EUR")


@pytest.mark.parametrize("units", [-MOST, -MOST + 1, MOST - 1, MOST])
def test_units_that_the_wire_can_hold_are_taken(units):
    assert Money.of(units, 0, "EUR").units == units


@pytest.mark.parametrize("units", [-MOST - 1, MOST + 1])
def test_units_that_the_wire_cannot_hold_are_refused(units):
    with pytest.raises(InvalidMoney, match="units"):
        Money.of(units, 0, "EUR")


@pytest.mark.parametrize(("units", "nanos"), [(1, -1), (-1, 1), (-5, 999_999_999)])
def test_units_and_nanos_of_different_signs_are_refused(units, nanos):
    with pytest.raises(InvalidMoney, match="same sign"):
        Money.of(units, nanos, "EUR")


@pytest.mark.parametrize(("units", "nanos"), [(1, 1), (-1, -1), (0, -1), (0, 1), (1, 0), (-1, 0)])
def test_units_and_nanos_of_one_sign_are_taken(units, nanos):
    money = Money.of(units, nanos, "EUR")

    assert (money.units, money.nanos, money.currency) == (units, nanos, "EUR")


@pytest.mark.parametrize("currency", ["", "EU", "EURO", "eur", "E1R", "EUR ", "ÄÖÜ", "EUR\n"])
def test_a_currency_is_three_capital_letters(currency):
    with pytest.raises(InvalidMoney, match="three capital letters"):
        Money.zero(currency)


@pytest.mark.parametrize("value", [1.0, True, "1", None, Fraction(1)])
def test_only_whole_numbers_make_money(value):
    with pytest.raises(InvalidMoney, match="whole number of units"):
        Money.of(value, 0, "EUR")
    with pytest.raises(InvalidMoney, match="whole number of nanos"):
        Money.of(0, value, "EUR")


def test_a_wrong_amount_is_the_callers_mistake():
    with pytest.raises(InvalidMoney) as caught:
        Money.zero("euro")

    assert (caught.value.code, caught.value.reason) == (Code.INVALID_ARGUMENT, "INVALID_MONEY")


def test_money_does_not_change():
    with pytest.raises(AttributeError):
        Money.zero("EUR").units = 1


# Text


@pytest.mark.parametrize(
    ("text", "units", "nanos"),
    [
        ("0", 0, 0),
        ("-0", 0, 0),
        ("12.5", 12, 500_000_000),
        ("+12.50", 12, 500_000_000),
        ("-0.000000001", 0, -1),
        ("-12.345678901", -12, -345_678_901),
        ("0012", 12, 0),
        (f"{MOST}.999999999", MOST, 999_999_999),
        (f"-{MOST}.999999999", -MOST, -999_999_999),
    ],
)
def test_a_decimal_is_read(text, units, nanos):
    assert eur(text) == Money.of(units, nanos, "EUR")


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1.", ".5", "1,5", "1e3", "--1", "NaN", "1.0000000001", "1" * 20, "٣", "1\n"],
)
def test_another_text_is_refused(text):
    with pytest.raises(InvalidMoney, match=r"expected an amount such as 12\.50"):
        eur(text)


@pytest.mark.parametrize("text", [f"{MOST + 1}", f"-{MOST + 1}"])
def test_a_decimal_that_the_wire_cannot_hold_is_refused(text):
    with pytest.raises(InvalidMoney, match="units"):
        eur(text)


@given(AMOUNTS)
def test_an_amount_is_read_back_from_its_text(money):
    assert Money.parse(money.amount, money.currency) == money


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money.of(12, 500_000_000, "EUR"), "12.50 EUR"),
        (Money.of(12, 1, "EUR"), "12.000000001 EUR"),
        (Money.of(0, -10_000_000, "EUR"), "-0.01 EUR"),
        (Money.of(100, 0, "JPY"), "100 JPY"),
        (Money.of(100, 500_000_000, "JPY"), "100.5 JPY"),
        (Money.of(-1, 0, "BHD"), "-1.000 BHD"),
        (Money.of(1, 0, "CLF"), "1.0000 CLF"),
        (Money.of(1, 0, "XXX"), "1.00 XXX"),
    ],
)
def test_an_amount_is_shown_with_the_decimals_of_its_currency(money, text):
    assert str(money) == f"{money}" == text


def test_an_amount_is_set_like_a_text():
    assert f"{eur('1'):>10}|" == "  1.00 EUR|"


# Arithmetic


@given(EUROS, EUROS)
def test_addition_is_that_of_whole_numbers(a, b):
    assert (a + b).total_nanos == a.total_nanos + b.total_nanos


@given(EUROS, EUROS, EUROS)
def test_addition_does_not_depend_on_the_order(a, b, c):
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a


@given(EUROS, EUROS)
def test_subtraction_undoes_addition(a, b):
    assert a + b - b == a
    assert a - b == a + -b


@given(EUROS, st.integers(-1000, 1000))
def test_multiplication_is_that_of_whole_numbers(a, times):
    assert (a * times).total_nanos == (times * a).total_nanos == a.total_nanos * times


@given(AMOUNTS)
def test_units_and_nanos_are_the_one_way_to_write_an_amount(money):
    assert Money.of(money.units, money.nanos, money.currency) == money
    assert money.units * NANOS + money.nanos == money.total_nanos


def test_a_sum_starts_at_zero():
    assert sum([eur("0.1")] * 10, start=Money.zero("EUR")) == eur("1")


@pytest.mark.parametrize("times", [1.5, 1.0, True, "2"])
def test_money_is_multiplied_by_whole_numbers_only(times):
    with pytest.raises(TypeError):
        eur("1") * times


def test_a_result_that_the_wire_cannot_hold_is_refused():
    most = Money.of(MOST, 999_999_999, "EUR")

    assert most - eur("0.000000001") == Money.of(MOST, 999_999_998, "EUR")
    with pytest.raises(InvalidMoney):
        most + eur("0.000000001")
    with pytest.raises(InvalidMoney):
        -most - eur("0.000000001")


@pytest.mark.parametrize(
    "act",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
    ],
)
def test_two_currencies_do_not_mix(act):
    with pytest.raises(CurrencyMismatch, match="expected an amount in EUR, found one in USD"):
        act(Money.of(1, 0, "EUR"), Money.of(1, 0, "USD"))


# Order


@given(EUROS, EUROS)
def test_amounts_are_ordered_like_whole_numbers(a, b):
    x, y = a.total_nanos, b.total_nanos

    assert [a < b, a <= b, a > b, a >= b, a == b] == [x < y, x <= y, x > y, x >= y, x == y]


def test_the_same_number_of_another_currency_is_not_equal():
    assert Money.of(1, 0, "EUR") != Money.of(1, 0, "USD")


def test_equal_amounts_are_one_key():
    assert {eur("1.50"): 1} == {eur("1.5"): 1}


# Rounding


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [
        ("0.004999999", "0.00"),
        ("0.005", "0.00"),
        ("0.005000001", "0.01"),
        ("0.015", "0.02"),
        ("0.025", "0.02"),
        ("-0.005", "0.00"),
        ("-0.015", "-0.02"),
        ("-0.005000001", "-0.01"),
        ("1.239", "1.24"),
        ("1.23", "1.23"),
    ],
)
def test_rounding_goes_to_the_nearest_cent_and_halves_to_the_even_one(amount, rounded):
    assert eur(amount).rounded() == eur(rounded)


@given(AMOUNTS)
def test_rounding_is_that_of_fractions(money):
    coins = Fraction(money.total_nanos, money.minor_nanos)

    assert money.rounded().total_nanos == round(coins) * money.minor_nanos


@pytest.mark.parametrize(("currency", "coin"), [("JPY", 10**9), ("EUR", 10**7), ("BHD", 10**6)])
def test_the_smallest_coin_is_the_currencys(currency, coin):
    assert Money.zero(currency).minor_nanos == coin


# Sharing out


@pytest.mark.parametrize(
    ("amount", "ratios", "shares"),
    [
        ("10.00", [1, 1, 1], ["3.34", "3.33", "3.33"]),
        ("-10.00", [1, 1, 1], ["-3.34", "-3.33", "-3.33"]),
        ("0.01", [1, 2], ["0.00", "0.01"]),
        ("0.05", [3, 7], ["0.02", "0.03"]),
        ("0.00", [1, 1], ["0.00", "0.00"]),
        ("1.000000001", [0, 1, 1], ["0", "0.500000001", "0.5"]),
        ("100.00", [0, 5, 0], ["0", "100", "0"]),
    ],
)
def test_shares_are_whole_coins(amount, ratios, shares):
    assert eur(amount).allocate(ratios) == tuple(eur(share) for share in shares)


@given(AMOUNTS, RATIOS)
@example(Money.of(-1, -1, "JPY"), [1, 1])
def test_shares_add_up_to_the_nano(money, ratios):
    shares = money.allocate(ratios)

    assert len(shares) == len(ratios)
    assert sum(share.total_nanos for share in shares) == money.total_nanos


@given(AMOUNTS, RATIOS)
def test_no_share_is_a_coin_and_dust_away_from_the_exact_one(money, ratios):
    for share, ratio in zip(money.allocate(ratios), ratios, strict=True):
        exact = Fraction(money.total_nanos * ratio, sum(ratios))

        assert abs(share.total_nanos - exact) < 2 * money.minor_nanos
        assert ratio or share == Money.zero(money.currency)


@pytest.mark.parametrize("ratios", [[], [0], [0, 0], [1, -1], [-1, 2]])
def test_ratios_that_share_nothing_out_are_refused(ratios):
    with pytest.raises(ValueError, match="expected ratios"):
        eur("1").allocate(ratios)

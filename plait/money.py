"""Exact amounts of money: whole units and nanos of one currency, as google.type.Money has them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import total_ordering

from plait.errors import InvalidArgument

NANOS = 1_000_000_000
"""Nanos in one unit."""

_MOST_UNITS = (
    2**63 - 1
)  # google.type.Money.units is an int64; so is what is below zero, but for one
_CURRENCY = re.compile(r"[A-Z]{3}")
_AMOUNT = re.compile(r"([+-]?)([0-9]{1,19})(?:\.([0-9]{1,9}))?")

_DIGITS = {  # ISO 4217: currencies whose minor unit is not a hundredth
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}


class InvalidMoney(InvalidArgument):
    """An amount that cannot be."""


class CurrencyMismatch(InvalidArgument):
    """Two amounts of different currencies, where only one currency makes sense."""


@total_ordering
@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount of one currency; arithmetic is exact, and no float comes near it.

    `units` and `nanos` (billionths of a unit) have the same sign, |nanos| is below 1,000,000,000,
    and units fits in 63 bits: what google.type.Money can hold.

    Raises:
        InvalidMoney: the parts do not make an amount; also by arithmetic that leaves the range.
    """

    currency: str
    units: int = 0
    nanos: int = 0

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency):
            raise InvalidMoney(
                f"expected a currency of three capital letters (ISO 4217), found {self.currency!r}"
            )
        for name, value in (("units", self.units), ("nanos", self.nanos)):
            # `bool` and `float` pass for numbers, and neither is an amount of money.
            if type(value) is not int:
                raise InvalidMoney(f"expected a whole number of {name}, found {value!r}")
        if abs(self.units) > _MOST_UNITS:
            raise InvalidMoney(f"expected at most {_MOST_UNITS} units, found {self.units}")
        if abs(self.nanos) >= NANOS:
            raise InvalidMoney(f"expected nanos from -999999999 to 999999999, found {self.nanos}")
        if self.units * self.nanos < 0:
            raise InvalidMoney(
                f"expected units and nanos of the same sign, found {self.units} and {self.nanos}"
            )

    @classmethod
    def of(cls, units: int, nanos: int, currency: str) -> "Money":
        """Return the amount with these parts, in the order in which one says them."""
        return cls(currency=currency, units=units, nanos=nanos)

    @classmethod
    def zero(cls, currency: str) -> "Money":
        """Return nothing of a currency: where a sum starts."""
        return cls(currency=currency)

    @classmethod
    def parse(cls, amount: str, currency: str) -> "Money":
        """Read a decimal such as `12.50` or `-0.000000001`: at most nine digits after the point.

        Raises:
            InvalidMoney: it is no such text.
        """
        found = _AMOUNT.fullmatch(amount)
        if found is None:
            raise InvalidMoney(
                f"expected an amount such as 12.50, of at most nine decimals, found {amount[:40]!r}"
            )
        sign, units, decimals = found.groups(default="")
        total = int(units) * NANOS + int(decimals.ljust(9, "0"))
        return cls.from_nanos(-total if sign == "-" else total, currency)

    @classmethod
    def from_nanos(cls, total: int, currency: str) -> "Money":
        """Return the amount that is this many nanos altogether."""
        units, nanos = divmod(abs(total), NANOS)
        return cls.of(units, nanos, currency) if total >= 0 else cls.of(-units, -nanos, currency)

    @property
    def total_nanos(self) -> int:
        """The whole amount in nanos."""
        return self.units * NANOS + self.nanos

    @property
    def minor_nanos(self) -> int:
        """Nanos in the smallest coin of the currency: 10,000,000 for EUR, 1,000,000,000 for JPY."""
        return int(NANOS // 10**self.digits)

    @property
    def digits(self) -> int:
        """Decimals of the currency (ISO 4217); two where the list of exceptions has none."""
        return next((n for n, names in _DIGITS.items() if self.currency in names.split()), 2)

    @property
    def amount(self) -> str:
        """The decimal without the currency; at least the currency's decimals, more where needed."""
        whole, nanos = divmod(abs(self.total_nanos), NANOS)
        decimals = f"{nanos:09d}".rstrip("0").ljust(self.digits, "0")
        sign = "-" if self.total_nanos < 0 else ""
        return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"

    def rounded(self) -> "Money":
        """Return the amount in whole coins of the currency; halves go to the even one."""
        coin = self.minor_nanos
        coins, rest = divmod(self.total_nanos, coin)
        if 2 * rest > coin or (2 * rest == coin and coins % 2):
            coins += 1
        return Money.from_nanos(coins * coin, self.currency)

    def allocate(self, ratios: Sequence[int]) -> tuple["Money", ...]:
        """Share the amount out by these ratios; the shares add up to it, to the nano.

        Shares are whole coins of the currency, nearest to the exact ones (largest remainders, the
        earlier share first); what is smaller than a coin goes to the first share that gets any.

        Raises:
            ValueError: the ratios are none, or negative, or all zero.
        """
        if not ratios or min(ratios) < 0 or not sum(ratios):
            raise ValueError(f"expected ratios of at least 0, one of them above, found {ratios!r}")
        sign = -1 if self.total_nanos < 0 else 1
        coins, dust = divmod(abs(self.total_nanos), self.minor_nanos)
        shares = [coins * ratio // sum(ratios) for ratio in ratios]
        by_rest = sorted(range(len(ratios)), key=lambda i: -(coins * ratios[i] % sum(ratios)))
        for index in by_rest[: coins - sum(shares)]:
            shares[index] += 1
        totals = [share * self.minor_nanos for share in shares]
        totals[next(i for i, ratio in enumerate(ratios) if ratio)] += dust
        return tuple(Money.from_nanos(sign * total, self.currency) for total in totals)

    def __add__(self, other: "Money") -> "Money":
        total = self.total_nanos + self._same(other).total_nanos
        return Money.from_nanos(total, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return self + -self._same(other)

    def __neg__(self) -> "Money":
        return Money.of(-self.units, -self.nanos, self.currency)

    def __mul__(self, times: int) -> "Money":
        # A float times money is the mistake that this module exists to prevent.
        if type(times) is not int:
            return NotImplemented
        return Money.from_nanos(self.total_nanos * times, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: "Money") -> bool:
        return self.total_nanos < self._same(other).total_nanos

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(
                f"expected an amount in {self.currency}, found one in {other.currency}"
            )
        return other

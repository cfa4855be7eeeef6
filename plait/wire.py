"""protobuf <-> Python for the types that every contract shares: times and money."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from plait.money import Money


def money_to(money: Money) -> MoneyMessage:
    return MoneyMessage(currency_code=money.currency, units=money.units, nanos=money.nanos)


def money_from(message: MoneyMessage) -> Money:
    """Return the amount.

    Raises:
        InvalidMoney: it is none.
    """
    return Money.of(message.units, message.nanos, message.currency_code)


def time_to(time: datetime) -> Timestamp:
    """Return an aware time as a Timestamp, to the microsecond."""
    message = Timestamp()
    message.FromDatetime(time)
    return message

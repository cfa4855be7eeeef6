"""The letters that people get: what they say, and the token that they carry.

A letter names neither the person nor what they called themselves: whoever signs up with somebody
else's address would otherwise write to them through us.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import Enum

from services.identity.domain import RESET_LIFE, VERIFY_LIFE


class Purpose(Enum):
    """What a letter's token is for."""

    VERIFY = "verify"
    RESET = "reset"

    @property
    def life(self) -> timedelta:
        """How long the token works."""
        return VERIFY_LIFE if self is Purpose.VERIFY else RESET_LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter that waits to be sent.

    Attributes:
        name: its id, which its token is made of.
        purpose: what it is for.
        email_key: to whom: the address in lower case; nobody may have it.
        create_time: when it was asked for.
        due_time: when it may be sent.
        attempts: how often it was tried.
    """

    name: str
    purpose: Purpose
    email_key: str
    create_time: datetime
    due_time: datetime
    attempts: int = 0


_SUBJECTS = {
    Purpose.VERIFY: "Please confirm your address",
    Purpose.RESET: "Your new password",
}
_TEXTS = {
    Purpose.VERIFY: """\
Somebody, probably you, has opened an account at the shop with this
address.

To confirm that you read mail here, enter this within a day:

{token}

If it was not you, you need not do anything.
""",
    Purpose.RESET: """\
Somebody, probably you, has asked for a new password for your account at
the shop.

To set one, enter this within an hour; it works once:

{token}

If it was not you, you need not do anything: your password stays as it is.
""",
}


def message(letter: Letter, *, token: str, to: str, sender: str) -> EmailMessage:
    """Return a letter as mail (RFC 5322): plain text, its token on a line of its own.

    It is the same each time, Message-ID and date too, so that two copies can be told for one.

    Args:
        letter: what to send.
        token: what it carries.
        to: the address.
        sender: whom it comes from.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = _SUBJECTS[letter.purpose]
    mail["Date"] = format_datetime(letter.create_time)
    mail["Message-ID"] = f"<{letter.name}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    mail.set_content(_TEXTS[letter.purpose].format(token=token))
    return mail

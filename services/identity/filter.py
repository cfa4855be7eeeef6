"""What filters and orders of users and audit events may speak of."""

from dataclasses import replace

from plait.data.kinds import FLAG, TAGS, TEXT, TIME, Fields, Operator
from plait.data.order import Fields as OrderFields

_HOLDS = TEXT.only(Operator.EQ, Operator.NE, Operator.HAS)
_IS = TEXT.only(Operator.EQ, Operator.NE)

USERS: Fields = {
    "email": _HOLDS,
    "display_name": _HOLDS,
    "email_verified": FLAG,
    "roles": replace(TAGS, expected="a role"),
    "create_time": TIME,
}
EVENTS: Fields = {
    **dict.fromkeys(("actor", "method", "resource", "status"), _IS),
    "create_time": TIME,
}
USER_ORDERS: OrderFields = {"name": str, "email": str, "display_name": str, "create_time": int}

"""Filters in SQL, for every kind of database alike.

A column holds a text, a number, a truth value, a time in microseconds since 1970
(`plait.data.times`), or a set as one text with a space around each member (` new wood `), whose
members are lower-case letters, digits and hyphens.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_

from plait.data.filter import All, AnyOf, Comparison, Filter, Not
from plait.data.kinds import Fields, Operator, Value
from plait.data.times import microseconds

Columns = Mapping[str, ColumnElement[Any]]
"""Where the fields of a filter or an order are kept."""

_COMPARE: Mapping[Operator, Callable[[Any, Any], ColumnElement[bool]]] = {
    Operator.EQ: eq,
    Operator.NE: ne,
    Operator.LT: lt,
    Operator.LE: le,
    Operator.GT: gt,
    Operator.GE: ge,
}
_LARGEST = 2**63 - 1  # which no row has, so that a number beyond it can stand for all
_MEMBER = re.compile(r"[a-z0-9-]+")


def condition(wanted: Filter, fields: Fields, columns: Columns) -> ColumnElement[bool]:
    """Return the condition that a filter lets a row through."""
    match wanted:
        case Not(term):
            return not_(condition(term, fields, columns))
        case All(terms):
            return and_(*(condition(term, fields, columns) for term in terms))
        case AnyOf(terms):
            return or_(*(condition(term, fields, columns) for term in terms))
        case Comparison(field, Operator.HAS, value):
            is_set = fields[field].is_set
            return (_has_member if is_set else _has_text)(columns[field], str(value))
        case Comparison(field, operator, value):
            return _COMPARE[operator](columns[field], _stored(value))


def set_of(members: tuple[str, ...]) -> str:
    """Return a set as its column holds it."""
    return f" {' '.join(members)} " if members else ""


def members_of(stored: str) -> tuple[str, ...]:
    """Return the members of a set, as its column holds it."""
    return tuple(stored.split())


def _has_text(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text.lower(), autoescape=True)


def _has_member(column: ColumnElement[Any], member: str) -> ColumnElement[bool]:
    if not _MEMBER.fullmatch(member):  # no set has such a member
        return false()
    return column.contains(f" {member} ", autoescape=True)


def _stored(value: Value) -> str | int:
    """Return a value as columns hold it; a number beyond every column is the nearest in one."""
    if isinstance(value, datetime):
        return microseconds(value)
    if isinstance(value, bool | str):
        return value
    return max(-_LARGEST, min(value, _LARGEST))

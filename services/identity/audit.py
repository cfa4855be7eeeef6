"""What was done by admins and to accounts, written once and never changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from plait.mesh.interceptors.audit import Act

KEPT = timedelta(days=365)
"""How long an event is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that an admin did, or that was done to an account.

    Attributes:
        name: `auditEvents/{audit_event}`.
        create_time: when.
        actor: `users/{user}`, `services/{service}`, or empty if nobody was logged in.
        method: the full name of the method.
        resource: the name of what it was done to, or empty.
        status: `OK`, or the name of the status code.
        client_address: where the call came from, or empty.
        trace_id: of the call, or empty.
    """

    name: str
    create_time: datetime
    actor: str
    method: str
    resource: str
    status: str
    client_address: str
    trace_id: str


def event(done: Act, event_id: str, now: datetime) -> Event:
    """Return the event that an act is."""
    return Event(
        name=f"auditEvents/{event_id}",
        create_time=now,
        actor=done.actor,
        method=done.method,
        resource=done.resource,
        status=done.status,
        client_address=done.client_address,
        trace_id=done.trace_id,
    )

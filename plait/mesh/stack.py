"""What surrounds every call, from outside to inside: observers, the status, then who may refuse."""

from collections.abc import Sequence

from plait.clock import Clock
from plait.mesh.call import Interceptor
from plait.mesh.identity.tokens import Verifier
from plait.mesh.identity.workload_tokens import WorkloadTokens
from plait.mesh.interceptors.authorize import authorize
from plait.mesh.interceptors.credentials import credentials
from plait.mesh.interceptors.deadline import deadline
from plait.mesh.interceptors.logs import logs
from plait.mesh.interceptors.metrics import metrics
from plait.mesh.interceptors.status import status
from plait.mesh.interceptors.tracing import tracing
from plait.mesh.interceptors.validate import validate

Stack = tuple[Interceptor, ...]


def server_stack(
    *, domain: str, verifier: Verifier, clock: Clock, observers: Sequence[Interceptor] = ()
) -> Stack:
    """Return what surrounds a call that this process serves.

    Args:
        domain: who says it, in errors, for example `catalog.shop`.
        verifier: tells from tokens who calls.
        clock: what deadlines are measured with.
        observers: those of the service itself; they see a call's status once they are left.
    """
    return (
        tracing(),
        metrics(),
        logs(),
        *observers,
        status(domain),
        deadline(clock),
        authorize(verifier),
        validate(),
    )


def probe_stack(*, domain: str, clock: Clock) -> Stack:
    """Return what surrounds health and reflection: public, and no noise in traces and logs."""
    return (status(domain), deadline(clock))


def anonymous_stack(clock: Clock) -> Stack:
    """Return what surrounds a call that this process makes as nobody: it shows no token."""
    return (tracing(), metrics(), status(""), deadline(clock))


def client_stack(*, callee: str, tokens: WorkloadTokens | None, clock: Clock) -> Stack:
    """Return what surrounds a call that this process makes to the service `callee`."""
    return (*anonymous_stack(clock), credentials(callee, tokens))

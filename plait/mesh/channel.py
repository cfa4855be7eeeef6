"""`connect("catalog")`: a channel to a service, with everything that surrounds a call."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from plait.clock import Clock, SystemClock
from plait.mesh.call import Interceptor
from plait.mesh.grpcio import Channel
from plait.mesh.identity.workload_tokens import WorkloadTokens
from plait.mesh.method import FindMethod, Method, known_method
from plait.mesh.replicas import LookUp, look_up
from plait.mesh.stack import client_stack
from plait.settings import Settings

_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,62}")


def connect(  # noqa: PLR0913 - every part can be replaced, in tests too
    service: str,
    settings: Settings | None = None,
    *,
    target: str = "",
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    stack: Sequence[Interceptor] | None = None,
    find_method: FindMethod = known_method,
    methods: Iterable[Method] = (),
    look_up: LookUp = look_up,
) -> Channel:
    """Return a channel to a service, for generated stubs; it connects at the first call.

    It may be made before any event loop runs and belongs to the loop of its first call. Its calls
    raise errors of `plait.errors`; each stub's method takes `timeout` (seconds), `metadata` and
    `wait_for_ready`. Close it with `await channel.close()` or use it in `async with`.

    Args:
        service: the short name, for example `catalog`.
        settings: where this process' workload tokens are; without it calls carry none.
        target: where `PLAIT_TARGET_<SERVICE>` is not set in the environment: `host:port`, or
            `dns:///host:port` for all addresses of a name, among which calls go round.
        environ: in place of the process' environment.
        clock: in place of the system's.
        stack: in place of `client_stack`.
        find_method: what is known of a method by its path; by default what its generated code has
            registered. The gateway, which has no generated code, hands over its contracts.
        methods: what may be called, where no stub is built before the first call.
        look_up: asks for the addresses of a name, in place of the system's resolver.

    Raises:
        ValueError: the name is none, or there is no target; the message says what to set.
    """
    clock = clock or SystemClock()
    if stack is None:
        folder = settings.workload_tokens if settings else ""
        tokens = WorkloadTokens(Path(folder), clock) if folder else None
        stack = client_stack(callee=service, tokens=tokens, clock=clock)
    return Channel(
        service=service,
        target=_target(service, target, os.environ if environ is None else environ),
        stack=stack,
        clock=clock,
        find_method=find_method,
        methods=methods,
        look_up=look_up,
    )


def _target(service: str, default: str, environ: Mapping[str, str]) -> str:
    if not _SERVICE.fullmatch(service):
        raise ValueError(f"{service!r} is not the name of a service; expected one like 'catalog'")
    variable = f"PLAIT_TARGET_{service.upper().replace('-', '_')}"
    target = environ.get(variable, "") or default
    if not target:
        raise ValueError(
            f"it is not known where the service {service!r} is: set {variable}, "
            f"for example to 127.0.0.1:9092"
        )
    return target

"""Who asks, for those we call: the user's token goes on, our workload token goes along (client)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from plait.mesh.call import Call, Interceptor, current
from plait.mesh.identity.workload_tokens import WorkloadTokens
from plait.mesh.metadata import AUTHORIZATION, WORKLOAD


def credentials(callee: str, tokens: WorkloadTokens | None) -> Interceptor:
    """Return the interceptor that adds tokens to what a call sends, unless it has its own.

    Args:
        callee: the short name of the service that is called.
        tokens: where this process' workload tokens are; None: it has none.
    """

    @asynccontextmanager
    async def around(call: Call) -> AsyncGenerator[None]:
        serving = current()
        if serving is not None and serving.user is not None and not call.header(AUTHORIZATION):
            call.metadata.append((AUTHORIZATION, f"Bearer {serving.user.token}"))
        proof = tokens.token(callee) if tokens else ""
        if proof and not call.header(WORKLOAD):
            call.metadata.append((WORKLOAD, proof))
        yield

    return around

"""An error as the answer to a request: the table of `plait.gateway.status`, and what HTTP adds."""

from plait.errors import Error
from plait.gateway.contracts import Method
from plait.gateway.edge.auth import challenge
from plait.gateway.edge.headers import DATA_POLICY
from plait.gateway.edge.http import Request, Response
from plait.gateway.rest.negotiation import error_format
from plait.gateway.status import failure


def refusal(error: Error, request: Request, method: Method | None = None) -> Response:
    """Return the answer to a request that failed; `method` is the one that it meant, if known."""
    failed = failure(
        error,
        request=method.request if method else None,
        form=error_format(request.headers.get("accept", "")),
    )
    headers = {
        "content-type": failed.content_type,
        "cache-control": "no-store",
        "content-security-policy": DATA_POLICY,
        **dict(challenge(error)),
        **{name.lower(): value for name, value in failed.headers},
    }
    return Response(status=failed.status, headers=tuple(headers.items()), body=failed.body)

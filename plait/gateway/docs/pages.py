"""What the gateway says about itself: its health, its OpenAPI document and the page of that."""

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import PurePosixPath

from plait.gateway.contracts import Contracts
from plait.gateway.edge.http import Request, Response
from plait.gateway.errors import MethodNotAllowed
from plait.gateway.rest.openapi import document

HEALTH = b"/healthz"
"""Where probes ask whether this process wants requests."""

LIVE = b"/livez"
"""Where probes ask whether this process can answer at all, also while it drains."""

_ALLOW = ("GET", "HEAD", "OPTIONS")
_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; base-uri 'none'; connect-src 'self'; form-action 'none';"
    " frame-ancestors 'none'; img-src 'self' blob: data:; script-src 'self'; style-src 'self'"
)
"""The page loads nothing from anywhere else, and nothing can be injected into it."""


class Pages:
    """The gateway's own paths; they come before those of contracts.

    Attributes:
        draining: the process stops; /healthz says 503, so that nobody sends new requests.
    """

    def __init__(self, contracts: Contracts, *, title: str, version: str) -> None:
        self.draining = False
        text = json.dumps(document(contracts, title=title, version=version), ensure_ascii=False)
        self._pages = {
            b"/openapi.json": _page("application/json", text.encode()),
            # JSON is YAML (yaml.org/spec/1.2.2, section 1.3), so no second writer is needed.
            b"/openapi.yaml": _page("application/yaml", text.encode()),
            **_static(),
        }

    def page(self, request: Request) -> Response | None:
        """Return the gateway's own answer, None for a path that is not its own.

        Raises:
            MethodNotAllowed: pages are only read.
        """
        page = self._page(request.path)
        if page is None:
            return None
        if request.verb not in {"GET", "HEAD"}:
            shown = request.path.decode("latin-1")
            raise MethodNotAllowed(
                f"{shown} does not take {request.verb[:20]}; expected one of {', '.join(_ALLOW)}",
                allow=_ALLOW,
            )
        known = dict(page.headers).get("etag")
        if known and known in request.headers.get("if-none-match", ""):
            return Response(status=304, headers=page.headers)
        return page

    def _page(self, path: bytes) -> Response | None:
        if path == HEALTH:
            return _probed(503, "draining") if self.draining else _probed(200, "ok")
        return _probed(200, "alive") if path == LIVE else self._pages.get(path)


def _probed(status: int, word: str) -> Response:
    return Response(
        status=status,
        headers=(("content-type", "application/json"), ("cache-control", "no-store")),
        body=json.dumps({"status": word}).encode(),
    )


def _static() -> dict[bytes, Response]:
    pages: dict[bytes, Response] = {}
    for file in resources.files("plait.gateway.docs").joinpath("static").iterdir():
        path = "/docs" if file.name == "docs.html" else f"/docs/{file.name}"
        kind = _TYPES.get(PurePosixPath(file.name).suffix)
        if kind is not None:
            pages[path.encode()] = _page(kind, file.read_bytes())
    return pages


def _page(content_type: str, body: bytes) -> Response:
    tag = hashlib.sha256(body).hexdigest()[:16]
    headers = (
        ("content-type", content_type),
        ("cache-control", "no-cache"),
        ("content-security-policy", _POLICY),
        ("etag", f'"{tag}"'),
    )
    return Response(status=200, headers=headers, body=body)

"""The console's pages: fixed HTML, CSS and JavaScript out of the package, which read the API.

Nothing that a sender wrote is ever put into HTML: the scripts set it as text only, and the policy
below lets no other script, style or address in (Content Security Policy Level 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plait.gateway.edge.asgi import App, Message, Receive, Scope, Send

_TYPES: Mapping[str, str] = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of the package, read once."""

    body: bytes
    media_type: str
    tag: str


def load() -> dict[str, Asset]:
    """Return the files of `plait/console/static` by name."""
    folder = resources.files("plait.console").joinpath("static")
    return {
        file.name: _asset(file.name, file.read_bytes())
        for file in folder.iterdir()
        if file.name.rpartition(".")[2] in _TYPES
    }


class Pages:
    """Serves the files; one HTML page for each kind of address."""

    def __init__(self, assets: Mapping[str, Asset]) -> None:
        self._assets = assets

    def routes(self) -> list[Route]:
        return [
            Route("/", self._traces, name="traces"),
            Route("/traces/{trace_id}", self._trace, name="trace"),
            Route("/services", self._services, name="services"),
            Route("/mail", self._mail, name="mail"),
            Route("/mail/{mail_id}", self._letter, name="letter"),
            Route("/static/{name}", self._static, name="static"),
        ]

    async def _traces(self, request: Request) -> Response:
        return self._answer(request, "traces.html")

    async def _trace(self, request: Request) -> Response:
        return self._answer(request, "trace.html")

    async def _services(self, request: Request) -> Response:
        return self._answer(request, "services.html")

    async def _mail(self, request: Request) -> Response:
        return self._answer(request, "mail.html")

    async def _letter(self, request: Request) -> Response:
        return self._answer(request, "letter.html")

    async def _static(self, request: Request) -> Response:
        return self._answer(request, request.path_params["name"])

    def _answer(self, request: Request, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            raise HTTPException(404, f"no file {name[:40]!r} here")
        headers = {"ETag": asset.tag, "Cache-Control": "no-cache"}
        if asset.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(asset.body, headers=headers, media_type=asset.media_type)


class SecurityHeaders:
    """Adds to every answer what tells a browser to run nothing but this console's own files."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), text.encode()) for name, text in _SECURITY.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _asset(name: str, body: bytes) -> Asset:
    tag = f'"{blake2b(body, digest_size=8).hexdigest()}"'
    return Asset(body=body, media_type=_TYPES[name.rpartition(".")[2]], tag=tag)

"""A shop and a console of few lines by HTTP, for the demo: each answer can be made wrong."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TRACE = "a" * 32
ADMIN = "the-admins-token"

Answer = tuple[int, Any]


class Refused(Exception):
    """An error of the gateway's form."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.answer = (status, {"error": {"code": status, "details": [{"reason": reason}]}})


class Shop:
    """What there is, and what is answered; `spoil` is handed each answer and may change it."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.mails: list[dict[str, Any]] = []
        self.tokens = {ADMIN: "users/admin"}
        self.refreshes: dict[str, str] = {}
        self.products = {
            f"products/p{number}": {
                "name": f"products/p{number}",
                "sku": f"P-{number}",
                "title": f"Teapot number {number}",
                "etag": "1",
            }
            for number in range(1, 4)
        }
        self.pictures: dict[str, bytes] = {}
        self.on_hand = {"products/p1/stock": 7}
        self.watchers: list[Queue[int | None]] = []
        self.spoil: Callable[[str, Answer], Answer] = lambda _, answer: answer
        self._numbers = iter(range(1, 10_000))

    def answer(self, call: "Call") -> Answer:
        try:
            answer = self._route(call)
        except Refused as refused:
            answer = refused.answer
        return self.spoil(call.what, answer)

    def _route(self, call: "Call") -> Answer:
        for pattern, handle in self.ROUTES:
            if found := re.fullmatch(pattern, call.what):
                return handle(self, call, *found.groups())
        raise Refused(404, "NO_ROUTE")

    def _caller(self, call: "Call", *, admin: bool = False) -> str:
        name = self.tokens.get(call.token)
        if name is None:
            raise Refused(401, "TOKEN_MISSING")
        if admin and name != "users/admin":
            raise Refused(403, "ROLE_MISSING")
        return name

    def sign_up(self, call: "Call") -> Answer:
        name = f"users/u{next(self._numbers)}"
        user = {"name": name, "email": call.json["email"], "password": call.json["password"]}
        user["token"] = f"one-time-token-{next(self._numbers):030}"
        self.users[name] = user
        text = f"Hello,\nyour token is:\n\n  {user['token']}\n"
        mail = {"id": "0a", "subject": "Welcome", "preview": text, "text": text}
        self.mails.append({**mail, "to": user["email"]})
        return 201, self._shown(user)

    def verify(self, call: "Call") -> Answer:
        for user in self.users.values():
            if user["token"] == call.json["token"]:
                user["verified"] = True
                return 200, self._shown(user)
        raise Refused(400, "ONE_TIME_TOKEN_INVALID")

    def log_in(self, call: "Call") -> Answer:
        for user in self.users.values():
            if (user["email"], user["password"]) == (call.json["email"], call.json["password"]):
                return 201, self._session(user["name"])
        raise Refused(401, "WRONG_CREDENTIALS")

    def refresh(self, call: "Call") -> Answer:
        name = self.refreshes.pop(call.json["refreshToken"], None)
        if name is None:
            raise Refused(401, "REFRESH_TOKEN_INVALID")
        return 200, self._session(name)

    def log_out(self, call: "Call") -> Answer:
        self.refreshes.pop(call.json["refreshToken"], None)
        return 204, None

    def get_user(self, call: "Call", user: str) -> Answer:
        caller = self._caller(call)
        name = caller if user == "me" else f"users/{user}"
        if caller not in {name, "users/admin"}:
            raise Refused(403, "NOT_YOURS")
        return 200, self._shown(self.users.get(name, {"name": name, "email": "admin@x"}))

    def get_stock(self, _: "Call", name: str) -> Answer:
        if name not in self.on_hand:
            raise Refused(404, "STOCK_NOT_FOUND")
        return 200, {"name": name, "onHand": str(self.on_hand[name])}

    def adjust(self, call: "Call", name: str) -> Answer:
        self._caller(call, admin=True)
        self.on_hand[name] += int(call.json["delta"])
        for changes in self.watchers:
            changes.put(self.on_hand[name])
        return 200, {"name": name, "onHand": str(self.on_hand[name])}

    def list_products(self, call: "Call") -> Answer:
        category = re.search(r'category = "([^"]*)"', call.query.get("filter", ""))
        found = [
            one
            for one in self.products.values()
            if category is None or one.get("category") == category[1]
        ]
        return 200, {"products": found[: int(call.query.get("pageSize", 50))]}

    def search(self, call: "Call") -> Answer:
        words = call.query["query"].lower().split()
        found = [
            {"product": one}
            for one in self.products.values()
            if all(word in one["title"].lower() for word in words)
        ]
        return 200, {"results": found}

    def create(self, call: "Call") -> Answer:
        self._caller(call, admin=True)
        return 201, self._put(call.json)

    def import_products(self, call: "Call") -> Answer:
        self._caller(call, admin=True)
        lines = [json.loads(line) for line in call.body.decode().splitlines()]
        good = [self._put(line) for line in lines if "title" in line]
        return 200, {"createdCount": len(good), "refusedCount": len(lines) - len(good)}

    def export(self, call: "Call") -> Answer:
        self._caller(call, admin=True)
        _, found = self.list_products(call)
        return 200, "".join(f"{json.dumps(one)}\n" for one in found["products"]).encode()

    def get_product(self, _: "Call", name: str) -> Answer:
        return 200, self.products[name]

    def change(self, call: "Call", name: str) -> Answer:
        self._caller(call, admin=True)
        product = self.products[name]
        if call.json["etag"] != product["etag"]:
            raise Refused(409, "ETAG_MISMATCH")
        product |= {"title": call.json["title"], "etag": str(next(self._numbers))}
        return 200, product

    def delete(self, call: "Call", name: str) -> Answer:
        self._caller(call, admin=True)
        del self.products[name]
        return 204, None

    def put_picture(self, call: "Call", name: str) -> Answer:
        self._caller(call, admin=True)
        self.pictures[name] = call.body
        return 200, {"name": f"{name}/picture"}

    def get_picture(self, _: "Call", name: str) -> Answer:
        return 200, self.pictures[name]

    def latest_mail(self, call: "Call") -> Answer:
        for mail in reversed(self.mails):
            if mail["to"] == call.query["to"]:
                return 200, mail
        return 404, {}

    def _put(self, values: dict[str, Any]) -> dict[str, Any]:
        name = f"products/made-{next(self._numbers)}"
        self.products[name] = {"name": name, "etag": "1", **values}
        return self.products[name]

    def _shown(self, user: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": user["name"],
            "email": user["email"],
            "emailVerified": user.get("verified", False),
        }

    def _session(self, user: str) -> dict[str, Any]:
        access, refresh = f"access-{next(self._numbers)}", f"refresh-{next(self._numbers)}"
        self.tokens[access] = user
        self.refreshes[refresh] = user
        return {"user": user, "accessToken": access, "refreshToken": refresh}

    ROUTES = (
        (r"POST /v1/users", sign_up),
        (r"POST /v1/users:verifyEmail", verify),
        (r"POST /v1/sessions", log_in),
        (r"POST /v1/sessions:refresh", refresh),
        (r"POST /v1/sessions:logOut", log_out),
        (r"GET /v1/users/([^/]+)", get_user),
        (r"GET /v1/(products/[^/]+/stock)", get_stock),
        (r"POST /v1/(products/[^/]+/stock):adjust", adjust),
        (r"GET /v1/products", list_products),
        (r"GET /v1/products:search", search),
        (r"POST /v1/products", create),
        (r"POST /v1/products:import", import_products),
        (r"GET /v1/products:export", export),
        (r"GET /v1/(products/[^/:]+)", get_product),
        (r"PATCH /v1/(products/[^/]+)", change),
        (r"DELETE /v1/(products/[^/]+)", delete),
        (r"PUT /v1/(products/[^/]+)/picture", put_picture),
        (r"GET /v1/(products/[^/]+)/picture", get_picture),
        (r"GET /api/mail/latest", latest_mail),
    )


class Call:
    """A request that came."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        place = urlsplit(handler.path)
        self.what = f"{handler.command} {unquote(place.path)}"
        self.query = {name: values[0] for name, values in parse_qs(place.query).items()}
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.token = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        call = Call(self)
        if call.what == "GET /v1/stock:watch":
            self._watch(call)
            return
        status, body = self.server.shop.answer(call)
        if isinstance(body, bytes):
            kind = "image/png" if "picture" in call.what else "application/x-ndjson"
        else:
            kind, body = "application/json", b"" if body is None else json.dumps(body).encode()
        self._head(status, kind)
        self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server calls them so

    def _watch(self, call: Call) -> None:
        shop, name = self.server.shop, call.query["names"]
        changes: Queue[int | None] = Queue()
        changes.put(shop.on_hand[name])
        shop.watchers.append(changes)
        self._head(200, "text/event-stream")
        while (on_hand := changes.get(timeout=20)) is not None:
            message = {"stock": {"name": name, "onHand": str(on_hand)}}
            status, message = shop.spoil(call.what, (200, message))
            if status != 200:
                return
            self.wfile.write(f"data: {json.dumps(message)}\n\n".encode())
            self.wfile.flush()

    def _head(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Trace-Id", TRACE)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def serving(shop: Shop) -> Iterator[str]:
    """Serve the shop while the block lasts; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.shop = shop
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        for changes in shop.watchers:
            changes.put(None)
        server.shutdown()
        thread.join()

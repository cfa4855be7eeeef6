"""The whole shop as `make up` starts it, in a folder and on ports of its own."""

import asyncio
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

from joserfc.jwk import OKPKey

from gateway.demo.people import token_in
from plait.clock import SystemClock
from plait.data.database import Database
from plait.local.folders import Folders
from plait.mesh.identity.tokens import USER_AUDIENCE, USER_ISSUER, sign_user_token
from services.identity.keys import Signer, State
from services.identity.sql.keys import SqlKeys
from services.identity.vault import Vault
from tests.ports import free_ports

ROOT = Path(__file__).parent.parent.parent
PLAIT = Path(sys.executable).with_name("plait")
PUBLISHED = {
    "gateway": 8080,
    "console": 8090,
    "identity": 9091,
    "catalog": 9092,
    "inventory": 9093,
    "otlp": 4318,
    "smtp": 1025,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A running shop: its folder, its ports by process, and the environment of its commands."""

    folder: Path
    ports: dict[str, int]
    environment: dict[str, str]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}{path}"

    def console(self, path: str) -> str:
        return f"http://127.0.0.1:{self.ports['console']}{path}"

    @property
    def catalog(self) -> str:
        """Where the catalog service speaks gRPC."""
        return f"127.0.0.1:{self.ports['catalog']}"

    def here(self, text: str) -> str:
        """Put this shop's ports, and the installed command, where a page names the usual ones."""
        for name, published in PUBLISHED.items():
            text = re.sub(rf"\b{published}\b", str(self.ports[name]), text)
        return text.replace(".venv/bin/plait", str(PLAIT))

    def run(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of plait's in the shop's folder, with a text on its standard input."""
        return subprocess.run(
            [str(PLAIT), *arguments],
            cwd=self.folder,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def plait(self, *arguments: str, text: str = "", check: bool = True) -> str:
        """Do the same and return what the command prints; it must do well unless told otherwise."""
        done = self.run(*arguments, text=text)
        if check and done.returncode != 0:
            raise AssertionError(f"plait {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def process(self, name: str) -> dict[str, Any]:
        """What `plait ps` knows of a process now."""
        processes = json.loads(self.plait("ps", "--json"))["processes"]
        return next(process for process in processes if process["name"] == name)

    def ask(self, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the gateway (with a body: POST it) and return the JSON of its answer."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        with urlopen(UrlRequest(self.url(path), data, sent), timeout=30) as answer:
            return json.load(answer)

    def admin(self) -> dict[str, str]:
        """The header that makes a request the first admin's."""
        token = self.plait("login", "--admin", "--print-token").strip()
        return {"Authorization": f"Bearer {token}"}

    def admin_for(self, life: timedelta) -> dict[str, str]:
        """The same for another time than usual; with a negative one it has expired.

        It is signed with the key that identity signs with now, taken out of its database.
        """
        key = asyncio.run(_signing_key(Folders(root=self.folder)))
        token = sign_user_token(key, "users/late", roles=["admin"], life=life, clock=SystemClock())
        return {"Authorization": f"Bearer {token}"}

    def mail(self, to: str, after: str = "") -> dict[str, Any]:
        """Wait for the newest mail to an address, after another one if wanted."""
        query = urlencode({"to": to, "after": after, "wait": 20})
        with urlopen(self.console(f"/api/mail/latest?{query}"), timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def user(self) -> "Person":
        """Sign somebody new up, verify the address by the mail that comes, and log in."""
        email, password = f"{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(12)
        user = self.ask("/v1/users", {"email": email, "password": password})
        self.ask("/v1/users:verifyEmail", {"token": token_in(self.mail(email)["text"])})
        session = self.ask("/v1/sessions", {"email": email, "password": password})
        return Person(
            name=user["name"],
            email=email,
            password=password,
            token=session["accessToken"],
            refresh_token=session["refreshToken"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who has signed up and is logged in."""

    name: str
    email: str
    password: str
    token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        """The header that makes a request theirs."""
        return {"Authorization": f"Bearer {self.token}"}


async def _signing_key(folders: Folders) -> OKPKey:
    database = Database(f"sqlite:///{folders.database('identity')}")
    try:
        keys = await SqlKeys(database).all()
    finally:
        await database.close()
    vault = Vault(folders.secret("IDENTITY_SECRET").read_text(encoding="utf-8").strip().encode())
    signer = Signer(vault, SystemClock(), issuer=USER_ISSUER, audience=USER_AUDIENCE)
    return signer.opened(next(key for key in keys if key.state is State.CURRENT))


def start(folder: Path, **variables: str) -> Shop:
    """Start a shop in an empty folder; returns when everything is ready and seeded."""
    shutil.copy(ROOT / "plait.toml", folder / "plait.toml")
    for name in ("gen", "services", "gateway", "protos"):
        (folder / name).symlink_to(ROOT / name)
    ports = dict(zip(PUBLISHED, free_ports(len(PUBLISHED)), strict=True))
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OTEL_")},
        **{f"PLAIT_PORT_{name.upper()}": str(port) for name, port in ports.items()},
        "HOME": str(folder),
        "IDENTITY_SIGN_UPS": "1000",  # all of them from one place
        **variables,
    }
    shop = Shop(folder=folder, ports=ports, environment=environment)
    try:
        shop.plait("up", "--detach")
    except AssertionError:
        shop.plait("down", check=False)  # what did start does not outlive the test
        raise
    return shop

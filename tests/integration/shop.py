"""The whole shop as `make up` starts it, in a folder and on ports of its own."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PLAIT = Path(sys.executable).with_name("plait")
PUBLISHED = {"gateway": 8080, "console": 8090, "identity": 9091, "catalog": 9092, "otlp": 4318}


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, below the range from which clients take theirs."""
    found: list[int] = []
    with ExitStack() as held:
        for port in range(secrets.SystemRandom().randrange(12000, 30000), 32768):
            listener = held.enter_context(socket.socket())
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError(f"there are no {count} free ports")


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

    def here(self, text: str) -> str:
        """Put this shop's ports, and the installed command, where a page names the usual ones."""
        for name, published in PUBLISHED.items():
            text = re.sub(rf"\b{published}\b", str(self.ports[name]), text)
        return text.replace(".venv/bin/plait", str(PLAIT))

    def plait(self, *arguments: str, check: bool = True) -> str:
        """Run a command of plait's in the shop's folder; return what it prints."""
        done = subprocess.run(
            [str(PLAIT), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"plait {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def admin(self) -> dict[str, str]:
        """The header that makes a request an admin's."""
        token = self.plait("login", "--dev-admin", "--print-token").strip()
        return {"Authorization": f"Bearer {token}"}


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
        "IDENTITY_SECRET": secrets.token_urlsafe(32),
        **variables,
    }
    shop = Shop(folder=folder, ports=ports, environment=environment)
    shop.plait("up", "--detach")
    return shop

"""Whether the time of a refused log-in tells that an address has an account.

A whole identity service over a database of its own, with the parameters for passwords that it has
at work, called over gRPC. Wrong passwords for users who are there and for users who are not are
tried in turn, one try an account, each from another place so that nobody has to wait; which of a
pair comes first is left to chance. The same for letters that set a new password.
"""

import asyncio
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from importlib.metadata import version
from pathlib import Path

from plait.clock import SystemClock
from plait.data.database import Database
from plait.data.migrations import migrate
from plait.errors import Unauthenticated
from plait.ids import new_id
from plait.mesh.metadata import CLIENT_ADDRESS, WORKLOAD
from plait.testing import Serving, serving
from services.identity.hashing import LANES, MEMORY_KIB, PASSES, Hasher
from services.identity.main import MIGRATIONS, build
from services.identity.settings import IdentitySettings
from shop.identity.v1 import identity_pb2 as pb
from shop.identity.v1.identity_pb2_grpc import (
    IdentityServiceStub,
    add_IdentityServiceServicer_to_server,
)

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "bench" / "results" / "login.md"
TRIES = 200
GOAL = 5.0  # per cent
SECRET = "what the bench tells identity, the same in every run"
PASSWORD = "violin ladder sixty"
PACKAGES = ("argon2-cffi", "grpcio", "protobuf", "sqlalchemy")

Try = Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Seconds of each try, for addresses that somebody has and for those that nobody has."""

    what: str
    known: Sequence[float]
    unknown: Sequence[float]

    @property
    def difference(self) -> float:
        """How far the medians are apart, in per cent of the one for addresses that are known."""
        known, unknown = statistics.median(self.known), statistics.median(self.unknown)
        return abs(known - unknown) / known * 100


class NoMail:
    """Nothing is sent: nobody brings letters here."""

    async def send(self, mail: EmailMessage) -> None:
        raise RuntimeError(f"nobody asked for a letter to be sent: {mail['Message-ID']}")


def main() -> None:
    """Measure, and write bench/results/login.md."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as folder:
        answers = asyncio.run(_measure(Path(folder)))
    for answer in answers:
        print(_line(answer))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(report(answers), encoding="utf-8")
    print(f"wrote {RESULT.relative_to(ROOT)}")


def report(answers: Sequence[Answer]) -> str:
    """Return the result as a page of Markdown."""
    lines = [
        "# Does the time tell whether an address has an account?",
        "",
        "`python -m bench.run login`: a whole identity service over SQLite, called over gRPC by",
        f"one client. {TRIES} tries for addresses that somebody has and {TRIES} for addresses that",
        "nobody has, in turn, one try an account, each from another place. Medians (and the middle",
        f"half) in ms; the goal is a difference of less than {GOAL:g} %.",
        "",
        "| what | somebody has it | nobody has it | difference |",
        "|---|---|---|---|",
        *map(_line, answers),
        "",
        f"Passwords: argon2id, {MEMORY_KIB} KiB, {PASSES} passes, {LANES} lane.",
        f"{datetime.now(UTC):%Y-%m-%d}. {_machine()}.",
        "",
    ]
    return "\n".join(lines)


async def _measure(folder: Path) -> list[Answer]:
    url = f"sqlite:///{folder / 'identity.db'}"
    migrate(url, MIGRATIONS)
    database, hasher = Database(url), Hasher()
    settings = IdentitySettings(database_url=url, identity_secret=SECRET, identity_sign_ups=10**6)
    identity = build(
        settings, database, clock=SystemClock(), new_id=new_id, mail=NoMail(), hasher=hasher
    )
    await identity.beginning.begin()
    async with serving(
        lambda server: add_IdentityServiceServicer_to_server(identity.service, server),
        name="identity",
        settings=settings,
        ready=identity.beginning.ready,
    ) as running:
        answers = await _ask(running)
    await identity.close()
    return answers


async def _ask(running: Serving) -> list[Answer]:
    stub = IdentityServiceStub(running.channel)
    proof = running.keys.workload_token("gateway", "identity")

    def at(number: int) -> list[tuple[str, str]]:
        place = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return [(WORKLOAD, proof), (CLIENT_ADDRESS, place)]

    async def log_in(email: str, number: int) -> None:
        request = pb.LogInRequest(email=email, password="another long password")
        try:
            await stub.LogIn(request, metadata=at(number))
        except Unauthenticated:
            return
        raise SystemExit(f"{email} was let in")

    async def ask_reset(email: str, number: int) -> None:
        request = pb.RequestPasswordResetRequest(email=email)
        await stub.RequestPasswordReset(request, metadata=at(number))

    for number in range(TRIES):
        email = f"known{number}@example.org"
        await stub.SignUp(pb.SignUpRequest(email=email, password=PASSWORD), metadata=at(number))
    for number in range(10):  # whatever is done once only is done now
        await log_in(f"warm{number}@example.org", 10**6 + number)
    return [
        await _compared("LogIn, wrong password", log_in, 2 * 10**6),
        await _compared("RequestPasswordReset", ask_reset, 3 * 10**6),
    ]


async def _compared(what: str, attempt: Try, places: int) -> Answer:
    chance = random.Random(1)
    seconds: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(TRIES):
        pair = ["known", "unknown"]
        chance.shuffle(pair)
        for kind in pair:
            place = places + 2 * number + pair.index(kind)
            begun = time.perf_counter()
            await attempt(f"{kind}{number}@example.org", place)
            seconds[kind].append(time.perf_counter() - begun)
    return Answer(what=what, known=seconds["known"], unknown=seconds["unknown"])


def _line(answer: Answer) -> str:
    known, unknown = _spread(answer.known), _spread(answer.unknown)
    return f"| {answer.what} | {known} | {unknown} | {answer.difference:.1f} % |"


def _spread(seconds: Sequence[float]) -> str:
    least, middle, most = (each * 1000 for each in statistics.quantiles(seconds, n=4))
    return f"{middle:.2f} ({least:.2f} to {most:.2f})"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, {platform.system()} "
        f"{platform.release().split('-')[0]}, {platform.python_implementation()} "
        f"{platform.python_version()}; {packages}"
    )


if __name__ == "__main__":
    main()

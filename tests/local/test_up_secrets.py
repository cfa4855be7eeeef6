"""`plait up` of a system whose services have secrets, whose users log in and whose seeds call."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from plait.local.control import ask_once
from plait.local.folders import Folders
from tests.ports import free_port

SERVICE = """
import json, os

from plait.service import serve
from plait.settings import Settings, settings_from_environment
from shop.identity.v1.identity_pb2_grpc import add_IdentityServiceServicer_to_server
from tests.people import People

def tell(name):
    with open(f"told-{name}", "w") as file:
        json.dump(dict(os.environ), file)

def main():
    name = os.environ["OTEL_SERVICE_NAME"]
    tell(name)
    people = People()
    people.password = os.environ.get("ADMIN_PASSWORD", "nobody's")
    if os.path.exists("changed"):
        people.password = "changed"
    serve(
        settings_from_environment(Settings),
        lambda server: add_IdentityServiceServicer_to_server(people, server),
        name=name,
    )

def migrate_or_seed():
    tell(os.environ["OTEL_SERVICE_NAME"])
"""
REVISION = """
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE things (name TEXT PRIMARY KEY)")
"""
FILE = """
[project]
name = "demo"
preload = []
user_keys = "identity/shop.identity.v1.IdentityService/GetJwks"

[login]
method = "identity/LogIn"
refresh = "identity/RefreshSession"
logout = "identity/LogOut"
admin = {{ email = "admin@shop.example", secret = "ADMIN_PASSWORD" }}

[[services]]
name = "identity"
module = "people"
port = {identity}
secrets = [
  {{ name = "SIGNING_SECRET" }},
  {{ name = "ADMIN_PASSWORD", show = "the admin's password" }},
]

[[services]]
name = "things"
module = "people"
port = {things}
migrations = "migrations"
seed = "seeding"
"""


@pytest.fixture
def project(house):
    root = house.root
    (root / "people.py").write_text(SERVICE)
    (root / "seeding.py").write_text("from people import migrate_or_seed as main\n")
    (root / "migrations").mkdir()
    (root / "migrations" / "0001_things.py").write_text(REVISION)
    text = FILE.format(identity=free_port(), things=free_port())
    (root / "plait.toml").write_text(text)
    yield house
    plait(house, "down")


def plait(house, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plait.cli.main", *arguments],
        cwd=house.root,
        env=house.env("supervisor", **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def told(house, name: str) -> dict[str, str]:
    return json.loads((house.root / f"told-{name}").read_text())


def secret(house, name: str) -> str:
    return house.folders.secret(name).read_text().strip()


def texts(folders: Folders) -> str:
    """All that the processes and the supervisor have written down, but for the secrets."""
    return "".join(path.read_text() for path in folders.logs.iterdir())


def test_a_secret_is_shown_once_and_told_to_its_own_service_only(project):
    first = plait(project, "up", "--detach")

    assert first.returncode == 0, first.stdout + first.stderr
    signing, password = secret(project, "SIGNING_SECRET"), secret(project, "ADMIN_PASSWORD")
    assert f"  the admin's password: {password}\n" in first.stdout
    assert signing not in first.stdout
    identity = told(project, "identity")
    assert (identity["SIGNING_SECRET"], identity["ADMIN_PASSWORD"]) == (signing, password)
    for name in ("things", "things-seed"):
        assert not {signing, password} & set(told(project, name).values())
    for shown in (texts(project.folders), plait(project, "ps", "--json").stdout):
        assert signing not in shown
        assert password not in shown

    plait(project, "down")
    again = plait(project, "up", "--detach")

    assert again.returncode == 0
    assert password not in again.stdout
    assert told(project, "identity")["ADMIN_PASSWORD"] == password


def test_a_secret_of_the_users_environment_is_nobody_elses_either(project):
    mine = {"SIGNING_SECRET": "mine, for signing", "ADMIN_PASSWORD": "mine, for the admin"}

    assert plait(project, "up", "--detach", **mine).returncode == 0

    assert told(project, "identity")["SIGNING_SECRET"] == "mine, for signing"
    assert not project.folders.secret("SIGNING_SECRET").exists()
    assert not set(mine.values()) & set(told(project, "things").values())
    (parent,) = {ppid(process["pid"]) for process in listed(project)}
    zygote = Path(f"/proc/{parent}/environ").read_bytes()
    assert b"mine, for" not in zygote
    assert b"PATH=" in zygote


def listed(house) -> list[dict]:
    return json.loads(plait(house, "ps", "--json").stdout)["processes"]


def ppid(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_seed_calls_with_the_token_of_a_log_in(project):
    assert plait(project, "up", "--detach").returncode == 0

    assert told(project, "things-seed")["PLAIT_TOKEN"].startswith("access-")
    assert {process["note"] for process in listed(project)} == {"", "seeded"}


def test_a_seed_whose_admin_is_refused_says_what_to_do_and_is_run_later(project):
    (project.root / "changed").touch()

    up = plait(project, "up", "--detach")

    assert up.returncode == 0, up.stdout + up.stderr
    (note,) = {process["note"] for process in listed(project)} - {""}
    assert note == (
        "not seeded: the log-in as admin@shop.example was refused: the address or the password "
        "is wrong; if it was changed, `plait login admin@shop.example` asks for it "
        "(afterwards: `plait seed`)"
    )
    assert plait(project, "seed").returncode == 5
    assert plait(project, "login", "--admin").returncode == 5
    login = subprocess.run(
        [
            *(sys.executable, "-m", "plait.cli.main", "login"),
            *("admin@shop.example", "--password-stdin"),
        ],
        cwd=project.root,
        env=project.env("login"),
        input="changed\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert login.returncode == 0, login.stderr
    assert plait(project, "seed").returncode == 0
    assert told(project, "things-seed")["PLAIT_TOKEN"].startswith("access-")


def test_everybody_is_told_where_the_keys_of_users_are(project):
    assert plait(project, "up", "--detach").returncode == 0

    for name in ("identity", "things"):
        assert told(project, name)["PLAIT_USER_JWKS"] == (
            "grpc:identity/shop.identity.v1.IdentityService/GetJwks"
        )


def test_a_secret_is_shown_although_something_failed(project):
    (project.root / "migrations" / "0001_things.py").write_text("nonsense")

    up = plait(project, "up", "--detach")

    assert up.returncode == 1
    assert f"the admin's password: {secret(project, 'ADMIN_PASSWORD')}" in up.stdout
    assert "things failed; the others run on" in up.stderr


async def test_in_the_foreground_a_secret_is_shown_and_the_logs_have_it_not(
    project, processes, until
):
    supervisor = processes(
        "-m", "plait.cli.main", "up", cwd=project.root, env=project.env("supervisor")
    )
    await until(project.folders.secret("ADMIN_PASSWORD").exists)
    await until(lambda: not project.folders.untold("ADMIN_PASSWORD").exists())
    await ask_once(project.folders.run, {"do": "down"})

    output, _ = supervisor.communicate(timeout=20)

    assert f"the admin's password: {secret(project, 'ADMIN_PASSWORD')}" in output
    assert secret(project, "ADMIN_PASSWORD") not in texts(project.folders)

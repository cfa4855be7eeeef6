"""What `plait up --database postgres` runs."""

import asyncio
import signal
import struct
from pathlib import Path

import pytest

from plait.local.folders import Folders
from plait.local.mistake import USAGE, Mistake
from plait.local.plans import plans
from plait.local.postgres_plans import (
    PORT,
    PostgresProbe,
    on_postgres,
    place_of,
    server_port,
    wanted,
)
from plait.local.project import Console, Gateway, Project, Service
from plait.local.secrets import Secrets
from tests.ports import free_port

PLACED = {"PLAIT_PORT_POSTGRES": "15433"}


@pytest.fixture
def project(tmp_path):
    return Project(
        root=tmp_path,
        name="shop",
        gateway=Gateway(module="g", port=8080),
        console=Console(module="c", port=8090, otlp_port=4318),
        services=(
            Service(name="catalog", module="c", port=9092, migrations="m", seed="s"),
            Service(name="identity", module="i", port=9091, migrations="n"),
            Service(
                name="own",
                module="o",
                port=9093,
                migrations="o",
                env={"DATABASE_URL": "sqlite:///x"},
            ),
            Service(name="none", module="n", port=9094),
        ),
    )


@pytest.fixture
def place(tmp_path):
    folders = Folders(root=tmp_path)
    folders.create()
    return place_of(folders, PLACED)


@pytest.fixture
def planned(project, place):
    return plans(project, place.folders, {}, Secrets(values={}))


@pytest.fixture
def moved(planned, project, place):
    return on_postgres(planned, project, place)


@pytest.fixture
def services(moved):
    return {plan.name: plan for plan in moved.services}


@pytest.mark.parametrize(
    ("said", "postgres"),
    [
        ({}, False),
        ({"PLAIT_DATABASE": ""}, False),
        ({"PLAIT_DATABASE": "sqlite"}, False),
        ({"PLAIT_DATABASE": "postgres"}, True),
    ],
)
def test_postgresql_is_what_one_asks_for(said, postgres):
    assert wanted(said) is postgres


def test_another_kind_is_refused_with_those_that_there_are():
    with pytest.raises(Mistake, match="must be sqlite or postgres, found 'mysql'") as refused:
        wanted({"PLAIT_DATABASE": "mysql"})

    assert refused.value.code == USAGE


@pytest.mark.parametrize(("said", "port"), [({}, PORT), (PLACED, 15433)])
def test_the_server_has_a_port_that_a_variable_moves(tmp_path, said, port):
    place = place_of(Folders(root=tmp_path), said)

    (listens,) = server_port(place)
    assert (place.port, listens.number, listens.variable) == (port, port, "PLAIT_PORT_POSTGRES")
    assert port < 32768  # above it clients take theirs


@pytest.mark.parametrize("said", ["0", "65536", "x", "-1"])
def test_what_is_no_port_is_refused(tmp_path, said):
    with pytest.raises(Mistake, match="PLAIT_PORT_POSTGRES must be a port") as refused:
        place_of(Folders(root=tmp_path), {"PLAIT_PORT_POSTGRES": said})

    assert refused.value.code == USAGE


def test_the_server_is_drained_last_by_the_signal_that_it_understands(moved):
    assert [[plan.name for plan in stage] for stage in moved.stages] == [
        ["gateway"],
        ["catalog", "identity", "own", "none"],
        ["console"],
        ["postgres"],
    ]
    (server,) = moved.databases
    assert server.stop is signal.SIGINT
    assert server.address == "127.0.0.1:15433"


def test_the_server_keeps_its_data_durably_and_lets_nobody_in_without_a_password(moved, place):
    (server,) = moved.databases
    folder, secret, *settings = server.start.arguments

    assert Path(folder) == place.folders.root / ".plait" / "postgres"
    assert Path(secret).read_text() in place.admin_url
    assert "port=15433" in settings
    assert "listen_addresses=127.0.0.1" in settings
    assert "unix_socket_directories=" in settings
    assert not [each for each in settings if each.split("=")[0] in {"fsync", "synchronous_commit"}]
    assert server.start.env == {}


def test_each_service_has_a_database_and_a_password_of_its_own(services, place):
    told = {name: plan.start.env.get("DATABASE_URL") for name, plan in services.items()}

    assert told["catalog"] == place.url("catalog")
    assert told["identity"] == place.url("identity")
    assert told["none"] is None
    secrets = {
        name: place.folders.secret(f"postgres-{name}").read_text()
        for name in ("catalog", "identity")
    }
    assert secrets["catalog"] != secrets["identity"]
    assert secrets["catalog"] not in str(services["identity"])


def test_plait_toml_has_the_last_word_on_a_service_database(services, planned):
    assert services["own"] in planned.services


def test_a_database_is_made_before_it_is_migrated(services, place):
    migrate = services["catalog"].migrate

    assert migrate.module == "plait.local.postgres_databases"
    assert migrate.arguments == (
        *(str(place.folders.root), "15433", "catalog", str(place.folders.root / "m")),
        str(place.folders.root / ".plait" / "data" / "catalog.postgres.unseeded"),
    )
    assert migrate.env["DATABASE_URL"] == place.url("catalog")
    assert len(services["identity"].migrate.arguments) == 4
    assert place.secret.read_text() not in str(services)


def test_the_two_kinds_do_not_share_the_mark_of_a_new_database(services, planned):
    before = {plan.name: plan for plan in planned.services}

    assert services["catalog"].unseeded != before["catalog"].unseeded
    assert services["identity"].unseeded is None


def test_a_seed_knows_no_database(services):
    assert "DATABASE_URL" not in services["catalog"].seed.env
    assert services["catalog"].seed.env["OTEL_SERVICE_NAME"] == "catalog-seed"
    assert services["identity"].seed is None


# Its health


def refusal(code):
    fields = b"SFATAL\0C" + code + b"\0Mwhy\0\0"
    return b"E" + struct.pack("!i", 4 + len(fields)) + fields


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"R" + struct.pack("!ii", 8, 3), ""),
        (refusal(b"57P03"), "starts or stops"),
        (refusal(b"28000"), ""),
        (b"", "refuses connections"),
        (b"HTTP/", "refuses connections"),
    ],
)
async def test_what_the_server_says_first_is_its_health(answer, problem):
    async def serve(reader, writer):
        length = struct.unpack("!i", await reader.readexactly(4))[0]
        await reader.readexactly(length - 4)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    probe = PostgresProbe("127.0.0.1", server.sockets[0].getsockname()[1])

    assert await probe() == problem

    await probe.close()
    server.close()


async def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("plait.local.postgres_plans._TIMEOUT", 0.01)
    silent = asyncio.Event()

    async def serve(reader, writer):
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)

    assert (
        "no answer within" in await PostgresProbe("127.0.0.1", server.sockets[0].getsockname()[1])()
    )
    silent.set()
    server.close()


async def test_nobody_there_is_told():
    assert await PostgresProbe("127.0.0.1", free_port())() == "refuses connections"


async def test_a_real_server_is_healthy_and_does_not_complain(postgres, until):
    probe = PostgresProbe("127.0.0.1", postgres.port)
    before = written(postgres)

    for _ in range(3):
        assert await probe() == ""
    await until(lambda: not postgres.execute(CLIENTS))

    assert written(postgres) == before


CLIENTS = """
    SELECT 1 FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def written(postgres):
    return Path(postgres.log.name).read_text()

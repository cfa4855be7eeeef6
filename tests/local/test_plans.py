"""From plait.toml to how each process is run."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from plait.local.config import load
from plait.local.folders import Folders
from plait.local.plans import PRELOAD, plans, with_token
from plait.local.probe import GrpcProbe, HttpProbe
from plait.local.project import Console, Gateway, Project, Secret, Service
from plait.local.secrets import Secrets

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop():
    project = load(ROOT, {})
    return plans(project, Folders(root=ROOT), {}, secrets_of(project))


def secrets_of(project: Project) -> Secrets:
    return Secrets(values={secret.name: f"the {secret.name}" for secret in project.secrets})


def service(shop, name):
    """The plan of one of the services."""
    (found,) = (plan for plan in shop.services if plan.name == name)
    return found


def test_the_stages_are_gateway_services_console_and_no_database(shop):
    assert [[plan.name for plan in stage] for stage in shop.stages] == [
        ["gateway"],
        [each.name for each in load(ROOT, {}).services],
        ["console"],
        [],
    ]


def test_http_is_probed_by_http_and_grpc_by_grpc(shop):
    assert isinstance(shop.gateway[0].probe, HttpProbe)
    assert isinstance(service(shop, "catalog").probe, GrpcProbe)
    assert shop.gateway[0].address == "http://127.0.0.1:8080"
    assert service(shop, "catalog").address == "127.0.0.1:9092"


def test_a_service_migrates_its_own_database_and_logs_in_its_own_log(shop):
    catalog = service(shop, "catalog")

    assert catalog.migrate.module == "plait.local.migrate"
    assert catalog.migrate.arguments == (
        str(ROOT / "services/catalog/migrations"),
        str(ROOT / ".plait/data/catalog.unseeded"),
    )
    assert catalog.migrate.log == catalog.start.log
    assert catalog.migrate.env["DATABASE_URL"] == catalog.start.env["DATABASE_URL"]


def test_a_seed_calls_with_a_token_if_there_is_one(shop):
    catalog = service(shop, "catalog")

    assert with_token(catalog.seed, "t").env["PLAIT_TOKEN"] == "t"
    assert "PLAIT_TOKEN" not in with_token(catalog.seed, "").env
    assert catalog.seed.env["OTEL_SERVICE_NAME"] == "catalog-seed"


def test_a_secret_is_told_to_its_service_alone(tmp_path):
    guarded = Service(
        name="a",
        module="a",
        port=1,
        migrations="m",
        seed="s",
        secrets=(Secret(name="KEY"),),
    )
    project = Project(
        root=tmp_path,
        name="p",
        services=(guarded, Service(name="b", module="b", port=2)),
        gateway=Gateway(module="g", port=3),
        console=Console(module="c", port=4, otlp_port=5),
    )

    planned = plans(project, Folders(root=tmp_path), {"KEY": "theirs"}, secrets_of(project))

    own, other = planned.services
    assert own.start.env["KEY"] == "the KEY"
    starts = [own.migrate, own.seed, other.start, planned.gateway[0].start]
    assert not any("KEY" in start.env for start in [*starts, planned.console[0].start])


def test_a_service_without_database_and_seed_has_neither(tmp_path):
    project = Project(root=tmp_path, name="p", services=(Service(name="a", module="a", port=1),))

    planned = plans(project, Folders(root=tmp_path), {}, secrets_of(project))

    (plan,) = planned.services
    assert (plan.migrate, plan.seed, plan.unseeded) == (None, None, None)
    assert planned.stages == ((), (plan,), (), ())


def test_a_service_with_a_database_and_no_seed_marks_nothing(tmp_path):
    service = Service(name="a", module="a", port=1, migrations="m")
    project = Project(root=tmp_path, name="p", services=(service,))

    (plan,) = plans(project, Folders(root=tmp_path), {}, secrets_of(project)).services

    assert plan.migrate.arguments == (str(tmp_path / "m"),)


@pytest.mark.parametrize("module", PRELOAD)
def test_what_is_shared_exists(module):
    assert importlib.util.find_spec(module) is not None


def test_importing_what_is_shared_starts_no_thread():
    script = (
        "import os, sys\n"
        "from plait.local.plans import PRELOAD\n"
        "from plait.local.zygote import preload\n"
        "preload(PRELOAD)\n"
        "print(len(os.listdir('/proc/self/task')), 'services' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["1", "False"]
    assert done.stderr == ""

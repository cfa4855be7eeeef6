"""What each process is told."""

import dataclasses

import pytest

from plait.console.settings import ConsoleSettings
from plait.local import environment
from plait.local.folders import Folders
from plait.local.project import Console, Gateway, Project, Secret, Service
from plait.settings import ServiceSettings


@pytest.fixture
def folders(tmp_path):
    return Folders(root=tmp_path)


@pytest.fixture
def project(tmp_path):
    return Project(
        root=tmp_path,
        name="shop",
        gateway=Gateway(module="g", port=8080, env={"PLAIT_BODY_LIMIT": "1"}),
        console=Console(module="c", port=8090, otlp_port=4318, smtp_port=1025),
        user_keys="catalog/shop.x.v1.X/GetJwks",
        services=(
            Service(name="catalog", module="c", port=9092, migrations="m", env={"X": "1"}),
            Service(
                name="gift-cards",
                module="o",
                port=9093,
                secrets=(Secret(name="CARD_KEY"), Secret(name="CARD_PIN", show="the pin")),
            ),
        ),
    )


def test_a_service_is_told_where_it_is_and_where_the_others_are(project, folders):
    env = environment.for_service(project, folders, {"HOME": "/h"}, project.services[0])

    assert env["PORT"] == "9092"
    assert env["HOST"] == "127.0.0.1"
    assert env["PLAIT_TARGET_CATALOG"] == "127.0.0.1:9092"
    assert env["PLAIT_TARGET_GIFT_CARDS"] == "127.0.0.1:9093"
    assert env["DATABASE_URL"] == f"sqlite:///{folders.root}/.plait/data/catalog.db"
    assert env["PLAIT_WORKLOAD_TOKENS"] == str(folders.tokens / "catalog")
    assert env["OTEL_SERVICE_NAME"] == "catalog"
    assert env["HOME"] == "/h"


def test_a_service_understands_what_it_is_told(project, folders, monkeypatch):
    env = environment.for_service(project, folders, {}, project.services[0])
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    settings = ServiceSettings()

    assert (settings.port, settings.drain_delay, settings.drain_grace) == (9092, 0.0, 2.0)
    assert settings.user_jwks == "grpc:catalog/shop.x.v1.X/GetJwks"
    assert settings.workload_jwks == str(folders.workload_jwks)
    assert settings.database_url.endswith("/catalog.db")


def test_a_service_without_migrations_has_no_database(project, folders):
    assert "DATABASE_URL" not in environment.for_service(project, folders, {}, project.services[1])


def test_the_file_has_the_last_word(project, folders):
    assert environment.for_service(project, folders, {}, project.services[0])["X"] == "1"
    assert environment.for_gateway(project, folders, {})["PLAIT_BODY_LIMIT"] == "1"


SECRET = {"CARD_KEY": "k", "CARD_PIN": "p"}


def test_a_secret_of_the_users_environment_goes_to_nobody_by_itself(project, folders):
    told = [
        environment.without_secrets(project, SECRET),
        environment.for_gateway(project, folders, SECRET),
        environment.for_console(project, folders, SECRET),
        *(environment.for_service(project, folders, SECRET, one) for one in project.services),
    ]

    assert not any(SECRET.keys() & env.keys() for env in told)


def test_a_service_is_told_where_mail_goes(project, folders):
    (catalog, _) = project.services

    env = environment.for_service(project, folders, {"SMTP_URL": ""}, catalog)

    assert env["SMTP_URL"] == "smtp://127.0.0.1:1025"


def test_mail_goes_where_the_user_says(project, folders):
    own = {"SMTP_URL": "smtp://mail.example"}

    env = environment.for_service(project, folders, own, project.services[0])

    assert env["SMTP_URL"] == "smtp://mail.example"


def test_without_a_mailbox_nobody_is_told_of_one(project, folders):
    console = dataclasses.replace(project.console, smtp_port=None)
    without = dataclasses.replace(project, console=console)

    assert "SMTP_URL" not in environment.for_service(without, folders, {}, without.services[0])
    assert "PLAIT_SMTP_PORT" not in environment.for_console(without, folders, {})


def test_without_a_method_for_the_keys_of_users_nobody_is_told_of_one(project, folders):
    without = dataclasses.replace(project, user_keys="")

    assert "PLAIT_USER_JWKS" not in environment.for_service(
        without, folders, {}, without.services[0]
    )


def test_a_service_is_called_where_the_environment_says(project):
    moved = {"PLAIT_TARGET_CATALOG": "10.0.0.1:1"}

    assert environment.target(project, {}, "catalog") == "127.0.0.1:9092"
    assert environment.target(project, moved, "catalog") == "10.0.0.1:1"


def test_telemetry_goes_to_the_console(project, folders, monkeypatch):
    env = environment.for_console(project, folders, {})
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    settings = ConsoleSettings()

    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"
    assert (settings.port, settings.otlp, settings.otlp_port) == (8090, True, 4318)


def test_telemetry_goes_where_the_user_says_and_the_console_receives_none(
    project, folders, monkeypatch
):
    env = environment.for_console(
        project, folders, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:14318"}
    )
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:14318"
    assert ConsoleSettings().otlp is False


def test_without_a_console_telemetry_goes_nowhere(folders, tmp_path):
    alone = Project(root=tmp_path, name="p", services=(Service(name="a", module="a", port=1),))

    env = environment.for_service(alone, folders, {}, alone.services[0])

    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in env


def test_the_projects_own_modules_are_found_first(tmp_path):
    (tmp_path / "gen").mkdir()

    path = environment.python_path(tmp_path, {"PYTHONPATH": "/elsewhere"})

    assert path == f"{tmp_path}:{tmp_path}/gen:/elsewhere"


def test_a_project_without_generated_code_has_one_root(tmp_path):
    assert environment.python_path(tmp_path, {}) == str(tmp_path)

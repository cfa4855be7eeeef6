"""Promises of the settings that every process has."""

import sys
from pathlib import Path

import pytest
from pydantic import Field, ValidationError, model_validator

from plait.settings import ServiceSettings, Settings, settings_from_environment

NAMES = ("PORT", "LOG_LEVEL", "HOST", "DATABASE_URL")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """An environment that says nothing about settings."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"PLAIT_{name}", raising=False)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PLAIT_{name.upper()}", raising=False)
    return monkeypatch.setenv


def test_without_any_variable_a_process_listens_for_itself_only_on_a_free_port():
    settings = Settings()

    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.1", 0, "INFO")
    assert (settings.drain_delay, settings.drain_grace) == (5.0, 20.0)


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("PORT", "9092", "port", 9092),
        ("PLAIT_PORT", "9092", "port", 9092),
        ("LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("PLAIT_LOG_LEVEL", "ERROR", "log_level", "ERROR"),
        ("PLAIT_HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("PLAIT_USER_JWKS", "/keys/users.json", "user_jwks", "/keys/users.json"),
        ("PLAIT_WORKLOAD_JWKS", "/keys/w.json", "workload_jwks", "/keys/w.json"),
        ("PLAIT_WORKLOAD_TOKENS", "/run/tokens", "workload_tokens", "/run/tokens"),
        ("PLAIT_DRAIN_DELAY", "0.5", "drain_delay", 0.5),
        ("PLAIT_DRAIN_GRACE", "1", "drain_grace", 1.0),
    ],
)
def test_each_setting_is_read_from_its_variable(environment, variable, value, field, expected):
    environment(variable, value)

    assert getattr(Settings(), field) == expected


def test_the_name_that_operators_know_comes_before_our_own(environment):
    environment("PORT", "1")
    environment("PLAIT_PORT", "2")

    assert Settings().port == 1


def test_the_name_of_the_machine_is_no_address_to_listen_on(environment):
    environment("HOST", "x86_64-conda-linux-gnu")

    assert Settings().host == "127.0.0.1"


@pytest.mark.parametrize("port", [0, 1, 65534, 65535])
def test_a_port_within_its_bounds_is_taken(environment, port):
    environment("PORT", str(port))

    assert Settings().port == port


@pytest.mark.parametrize("port", ["-1", "65536", "80.5", "http", ""])
def test_another_port_is_refused(environment, port):
    environment("PORT", port)

    with pytest.raises(ValidationError, match="PORT"):
        Settings()


@pytest.mark.parametrize("name", ["drain_delay", "drain_grace"])
@pytest.mark.parametrize("seconds", [0, 0.001, 599.999, 600])
def test_a_drain_time_within_its_bounds_is_taken(environment, name, seconds):
    environment(f"PLAIT_{name.upper()}", str(seconds))

    assert getattr(Settings(), name) == seconds


@pytest.mark.parametrize("name", ["drain_delay", "drain_grace"])
@pytest.mark.parametrize("seconds", ["-0.001", "600.001", "inf", "nan", "soon"])
def test_another_drain_time_is_refused(environment, name, seconds):
    environment(f"PLAIT_{name.upper()}", seconds)

    with pytest.raises(ValidationError, match=name):
        Settings()


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "debug", "Warning"])
def test_a_log_level_is_taken_in_capitals_or_not(environment, level):
    environment("LOG_LEVEL", level)

    assert Settings().log_level == level.upper()


@pytest.mark.parametrize("level", ["", "TRACE", "WARN", "INFO ", "INFOS", "10"])
def test_another_log_level_is_refused(environment, level):
    environment("LOG_LEVEL", level)

    with pytest.raises(ValidationError, match="LOG_LEVEL"):
        Settings()


def test_a_setting_does_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_a_variable_that_no_setting_knows_is_left_alone(environment):
    environment("PLAIT_SOMETHING_ELSE", "1")

    assert Settings().port == 0


@pytest.mark.parametrize("port", [0, 1, 65534, 65535])
def test_a_port_for_probes_within_its_bounds_is_taken(environment, port):
    environment("PLAIT_HEALTH_PORT", str(port))

    assert Settings().health_port == port


@pytest.mark.parametrize("port", ["-1", "65536", "no"])
def test_another_port_for_probes_is_refused(environment, port):
    environment("PLAIT_HEALTH_PORT", port)

    with pytest.raises(ValidationError, match="health_port"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workload_subject", "services/{name}"),
        ("workload_subject", "spiffe://cluster.local/ns/shop/sa/{name}"),
        ("workload_algorithms", "RS256"),
        ("workload_algorithms", "RS256,ES256,Ed25519"),
    ],
)
def test_a_form_of_workload_tokens_is_taken(environment, name, value):
    environment(f"PLAIT_{name.upper()}", value)

    assert getattr(Settings(), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workload_subject", ""),
        ("workload_subject", "services/orders"),
        ("workload_subject", "{name}/{name}"),
        ("workload_subject", "{namespace}/{name}"),
        ("workload_algorithms", ""),
        ("workload_algorithms", "none"),
        ("workload_algorithms", "HS256"),
        ("workload_algorithms", "RS256, ES256"),
    ],
)
def test_another_form_of_workload_tokens_is_refused(environment, name, value):
    environment(f"PLAIT_{name.upper()}", value)

    with pytest.raises(ValidationError, match=name):
        Settings()


@pytest.mark.parametrize("variable", ["DATABASE_URL", "PLAIT_DATABASE_URL"])
def test_a_service_is_told_its_database(environment, variable):
    environment(variable, "sqlite:///catalog.db")

    assert ServiceSettings().database_url == "sqlite:///catalog.db"


def test_a_service_without_a_database_is_refused():
    with pytest.raises(ValidationError, match="DATABASE_URL"):
        ServiceSettings()


# Secrets as files


@pytest.fixture
def secret(environment, tmp_path):
    """Write a file of the folder that PLAIT_SECRETS_DIR names."""
    environment("PLAIT_SECRETS_DIR", str(tmp_path))

    def write(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")

    return write


@pytest.mark.parametrize("name", ["DATABASE_URL", "PLAIT_DATABASE_URL"])
def test_what_the_environment_does_not_say_is_read_from_a_file_of_its_name(secret, name):
    secret(name, "postgresql://catalog:s3cret@postgres/catalog\n")

    assert ServiceSettings().database_url == "postgresql://catalog:s3cret@postgres/catalog"


def test_a_mounted_secret_is_read_through_the_links_that_kubernetes_makes(environment, tmp_path):
    data = tmp_path / "..2026_11_25"
    data.mkdir()
    (data / "DATABASE_URL").write_text("sqlite:///x.db", encoding="utf-8")
    (tmp_path / "..data").symlink_to(data.name)
    (tmp_path / "DATABASE_URL").symlink_to("..data/DATABASE_URL")
    environment("PLAIT_SECRETS_DIR", str(tmp_path))

    assert ServiceSettings().database_url == "sqlite:///x.db"


def test_the_environment_wins_over_a_file(environment, secret):
    secret("DATABASE_URL", "sqlite:///file.db")
    environment("DATABASE_URL", "sqlite:///environment.db")

    assert ServiceSettings().database_url == "sqlite:///environment.db"


def test_a_wrong_value_in_a_file_is_named_and_not_shown(secret, capsys):
    secret("DATABASE_URL", "sqlite:///x.db")
    secret("PLAIT_API_KEY", "HUNTER2")

    with pytest.raises(SystemExit):
        settings_from_environment(CatalogSettings, [])

    said = capsys.readouterr().err
    assert said.startswith("PLAIT_API_KEY: ")
    assert "HUNTER2" not in said


def test_a_folder_of_secrets_that_is_not_there_is_refused(environment, tmp_path, capsys):
    environment("PLAIT_SECRETS_DIR", str(tmp_path / "nowhere"))

    with pytest.raises(SystemExit):
        settings_from_environment(Settings, [])

    said = capsys.readouterr().err
    assert said.startswith("PLAIT_SECRETS_DIR: ")
    assert f"expected a folder, found none at {tmp_path / 'nowhere'}" in said


def test_a_folder_of_secrets_that_cannot_be_read_is_one_clear_line(secret, monkeypatch, capsys):
    secret("LOG_LEVEL", "DEBUG")

    def denied(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", denied)  # root may read every file

    with pytest.raises(SystemExit) as ended:
        settings_from_environment(Settings, [])

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("PLAIT_SECRETS_DIR: a file there cannot be read: /")
    assert said.endswith("/LOG_LEVEL: Permission denied\n")


def test_a_secret_that_is_no_text_is_one_clear_line_that_does_not_show_it(
    environment, tmp_path, capsys
):
    environment("PLAIT_SECRETS_DIR", str(tmp_path))
    (tmp_path / "LOG_LEVEL").write_bytes(b"HUNTER2\xff")

    with pytest.raises(SystemExit) as ended:
        settings_from_environment(Settings, [])

    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "PLAIT_SECRETS_DIR: a file there cannot be read: not UTF-8\n"
    )


def test_without_a_folder_of_secrets_nothing_is_missing(monkeypatch):
    monkeypatch.setattr(Path, "is_dir", lambda _: False)

    assert Settings().port == 0


# What a process' main does first


class CatalogSettings(ServiceSettings):
    """The settings of one service."""

    page_size: int = Field(default=50, ge=1, description="how many at once")
    api_key: str = Field(default="", pattern="^[a-z]*$", description="a secret")
    region: str = Field(default="eu", validation_alias="REGION", description="where it runs")


@pytest.fixture
def refused(capsys):
    """Read wrong settings and return the lines that say so."""

    def refused(*arguments):
        with pytest.raises(SystemExit) as ended:
            settings_from_environment(CatalogSettings, arguments)
        assert ended.value.code == 2
        return capsys.readouterr().err.splitlines()

    return refused


def test_a_process_reads_its_settings(environment):
    environment("DATABASE_URL", "sqlite:///catalog.db")
    environment("PLAIT_PAGE_SIZE", "7")

    settings = settings_from_environment(CatalogSettings, [])

    assert (settings.page_size, settings.database_url) == (7, "sqlite:///catalog.db")


def test_arguments_are_those_of_the_process_unless_given(environment, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["catalog", "--port"])

    with pytest.raises(SystemExit):
        settings_from_environment(CatalogSettings)

    assert "unknown argument '--port'" in capsys.readouterr().err


def test_a_setting_that_is_missing_is_named_by_its_variable(refused):
    assert refused() == ["DATABASE_URL is not set; see --help"]


def test_each_wrong_setting_is_a_line(environment, refused):
    environment("DATABASE_URL", "sqlite://")
    environment("PORT", "65536")
    environment("PLAIT_PAGE_SIZE", "0")

    port, page_size = refused()

    assert port.startswith("PORT: ")
    assert "65535" in port
    assert page_size.startswith("PLAIT_PAGE_SIZE: ")


def test_the_value_of_a_wrong_setting_is_not_shown(environment, refused):
    environment("DATABASE_URL", "sqlite://")
    environment("PLAIT_API_KEY", "HUNTER2")

    [line] = refused()

    assert line.startswith("PLAIT_API_KEY: ")
    assert "HUNTER2" not in line


def test_an_argument_is_refused_with_what_to_do(refused):
    assert refused("--port", "1") == [
        "unknown argument '--port': settings are environment variables, see --help"
    ]


@pytest.mark.parametrize("argument", ["--help", "-h"])
def test_help_shows_every_setting_even_where_they_are_wrong(environment, capsys, argument):
    environment("PORT", "65536")

    with pytest.raises(SystemExit) as ended:
        settings_from_environment(CatalogSettings, [argument])

    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    assert ended.value.code == 0
    assert lines["DATABASE_URL"][1] == "required"
    assert lines["PORT"][1] == "0"
    assert lines["PORT"][-2:] == ["(or", "PLAIT_PORT)"]
    assert lines["PLAIT_HOST"][1] == "127.0.0.1"
    assert lines["PLAIT_PAGE_SIZE"][1:] == ["50", "how", "many", "at", "once"]
    assert lines["PLAIT_API_KEY"][1] == "-"
    assert lines["PLAIT_REFLECTION"][1] == "true"
    assert lines["REGION"][1] == "eu"


def test_a_rule_over_several_settings_is_said_without_a_name(environment, capsys):
    class Paired(Settings):
        @model_validator(mode="after")
        def both_or_none(self):
            if self.drain_delay > self.drain_grace:
                raise ValueError("the delay is longer than the grace")
            return self

    environment("PLAIT_DRAIN_DELAY", "30")

    with pytest.raises(SystemExit):
        settings_from_environment(Paired, [])
    assert "settings: Value error, the delay is longer than the grace" in capsys.readouterr().err


def test_a_process_reads_its_settings_from_the_environment(environment):
    environment("DATABASE_URL", "sqlite:///x.db")

    assert settings_from_environment(ServiceSettings, []).database_url == "sqlite:///x.db"


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_a_process_prints_its_settings_when_asked(capsys, flag):
    with pytest.raises(SystemExit) as raised:
        settings_from_environment(ServiceSettings, [flag])

    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert raised.value.code == 0
    assert set(rows) == {
        "PORT",
        "LOG_LEVEL",
        "DATABASE_URL",
        *(f"PLAIT_{name.upper()}" for name in Settings.model_fields.keys() - {"port", "log_level"}),
    }
    assert rows["PORT"].split(maxsplit=2)[1:] == [
        "0",
        "port to listen on; 0 takes a free one (or PLAIT_PORT)",
    ]
    assert rows["DATABASE_URL"].split()[1] == "required"
    assert rows["PLAIT_USER_JWKS"].split()[1] == "-"
    assert rows["PLAIT_REFLECTION"].split()[1] == "true"


def test_each_wrong_setting_is_one_line_that_names_it_and_not_its_value(environment, capsys):
    environment("PORT", "hunter2")
    environment("PLAIT_LOG_LEVEL", "hunter2")
    environment("PLAIT_DRAIN_DELAY", "-1")

    with pytest.raises(SystemExit) as raised:
        settings_from_environment(ServiceSettings, [])

    said = capsys.readouterr().err
    assert raised.value.code == 2
    assert {line.partition(":")[0].split()[0] for line in said.splitlines()} == {
        "PORT",
        "LOG_LEVEL",
        "PLAIT_DRAIN_DELAY",
        "DATABASE_URL",
    }
    assert "DATABASE_URL is not set" in said
    assert "hunter2" not in said


def test_an_argument_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit) as raised:
        settings_from_environment(Settings, ["--port=80"])

    assert raised.value.code == 2
    assert "unknown argument '--port=80'" in capsys.readouterr().err


def test_the_arguments_are_those_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["/somewhere/catalog", "--help"])

    with pytest.raises(SystemExit):
        settings_from_environment(Settings)

    assert capsys.readouterr().out.startswith("usage: catalog [--help]\n")


def test_a_setting_with_a_name_of_its_own_is_read_and_told_by_it(monkeypatch, capsys):
    class Own(Settings):
        greeting: str = Field(validation_alias="GREETING", description="what to say")

    with pytest.raises(SystemExit):
        settings_from_environment(Own, [])

    assert capsys.readouterr().err == "GREETING is not set; see --help\n"
    monkeypatch.setenv("GREETING", "hi")
    assert settings_from_environment(Own, []).greeting == "hi"

"""What identity can be told."""

import pytest

from plait.settings import settings_from_environment
from services.identity.settings import IdentitySettings

CANARY = "canary-4711-canary-4711-canary-4711"


@pytest.fixture
def environment(monkeypatch):
    """Set variables beside those that must be set."""

    def set_all(**variables):
        usual = {"DATABASE_URL": "sqlite:///identity.db", "IDENTITY_SECRET": CANARY}
        for name, value in (usual | variables).items():
            monkeypatch.setenv(name, value)

    return set_all


def read():
    return settings_from_environment(IdentitySettings, [])


def test_a_secret_and_a_database_are_enough(environment):
    environment()

    settings = read()

    assert settings.identity_secret.get_secret_value() == CANARY
    assert settings.identity_admin_email == "admin@shop.example"
    assert settings.identity_admin_password.get_secret_value() == ""
    assert settings.smtp_url == "smtp://127.0.0.1:1025"
    assert settings.smtp_sender == "The shop <no-reply@shop.example>"
    assert settings.identity_sign_ups == 30


def test_everything_can_be_told_by_its_own_variable(environment):
    environment(
        IDENTITY_ADMIN_EMAIL="boss@x.org",
        IDENTITY_ADMIN_PASSWORD="violin ladder",
        IDENTITY_SIGN_UPS="7",
        SMTP_URL="smtps://u:p@mail.x.org",
        SMTP_SENDER="shop@x.org",
    )

    settings = read()

    assert settings.identity_admin_email == "boss@x.org"
    assert settings.identity_admin_password.get_secret_value() == "violin ladder"
    assert settings.identity_sign_ups == 7
    assert settings.smtp_url == "smtps://u:p@mail.x.org"
    assert settings.smtp_sender == "shop@x.org"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("IDENTITY_SECRET", "x" * 31, "IDENTITY_SECRET: Value error, expected at least 32 bytes"),
        ("IDENTITY_ADMIN_PASSWORD", "x" * 9, "expected 10 to 200 characters"),
        ("IDENTITY_ADMIN_PASSWORD", "x" * 201, "expected 10 to 200 characters"),
        ("IDENTITY_ADMIN_EMAIL", "boss", "expected an address such as admin@shop.example"),
        ("IDENTITY_ADMIN_EMAIL", "b" * 250 + "@x.org", "at most 254 characters"),
        ("SMTP_SENDER", "The shop", "expected an address"),
        ("SMTP_URL", "http://mail", "SMTP_URL: Value error, expected smtp://host:port"),
        ("IDENTITY_SIGN_UPS", "0", "greater than or equal to 1"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_without_showing_it(
    environment, capsys, name, value, said
):
    environment(**{name: value})

    with pytest.raises(SystemExit) as raised:
        read()

    told = capsys.readouterr().err
    assert raised.value.code == 2
    assert said in told
    assert value not in told
    assert name in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IDENTITY_SECRET", "x" * 32),
        ("IDENTITY_SECRET", "ü" * 16),
        ("IDENTITY_ADMIN_PASSWORD", "x" * 10),
        ("IDENTITY_ADMIN_PASSWORD", "x" * 200),
        ("IDENTITY_ADMIN_EMAIL", "b" * 248 + "@x.org"),
        ("IDENTITY_SIGN_UPS", "1"),
    ],
)
def test_a_value_at_the_edge_is_taken(environment, name, value):
    environment(**{name: value})

    assert read()


def test_the_secret_must_be_told(monkeypatch, capsys):
    monkeypatch.delenv("IDENTITY_SECRET", raising=False)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///identity.db")

    with pytest.raises(SystemExit):
        read()

    assert "IDENTITY_SECRET is not set; see --help" in capsys.readouterr().err


def test_settings_show_no_secret(environment):
    environment(IDENTITY_ADMIN_PASSWORD=CANARY, SMTP_URL=f"smtp://u:{CANARY}@mail.x.org")

    assert CANARY not in repr(read())
    assert CANARY not in str(read())


def test_help_names_every_setting_and_no_value(environment, capsys):
    environment(IDENTITY_ADMIN_PASSWORD=CANARY)

    with pytest.raises(SystemExit) as raised:
        settings_from_environment(IdentitySettings, ["--help"])

    told = capsys.readouterr().out
    assert raised.value.code == 0
    assert CANARY not in told
    for name in (
        *("IDENTITY_SECRET", "IDENTITY_ADMIN_EMAIL", "IDENTITY_ADMIN_PASSWORD", "SMTP_URL"),
        *("SMTP_SENDER", "IDENTITY_SIGN_UPS", "DATABASE_URL"),
    ):
        assert name in told

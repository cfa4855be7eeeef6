"""plait.toml, read or refused with a sentence."""

from pathlib import Path

import pytest

from plait.local.config import find, load
from plait.local.mistake import USAGE, Mistake
from plait.local.project import Admin, Method, Secret

WHOLE = """
[project]
name = "shop"
hints = ["curl {gateway}/v1/products"]
demo = "gateway.demo"
user_keys = "identity/shop.identity.v1.IdentityService/GetJwks"

[login]
method = "identity/LogIn"
refresh = "identity/RefreshSession"
logout = "identity/LogOut"
admin = { email = "admin@shop.example", secret = "ADMIN_PASSWORD" }

[gateway]
module = "gateway.main"
port = 8080

[console]
module = "plait.console.main"
port = 8090
otlp_port = 4318
smtp_port = 1025

[[services]]
name = "identity"
module = "services.identity.main"
port = 9091
secrets = [{ name = "SIGNING_KEY" }, { name = "ADMIN_PASSWORD", show = "the admin's password" }]

[[services]]
name = "catalog"
module = "services.catalog.main"
port = 9092
contracts = ["shop.catalog.v1.CatalogService"]
migrations = "services/catalog/migrations"
seed = "services.catalog.seed"
env = {LOG_LEVEL = "DEBUG"}
"""


@pytest.fixture
def write(tmp_path):
    def written(text: str) -> Path:
        (tmp_path / "plait.toml").write_text(text)
        return tmp_path

    return written


def refusal(root: Path, environ=None) -> str:
    with pytest.raises(Mistake) as refused:
        load(root, environ or {})
    assert refused.value.code == USAGE
    return str(refused.value)


def test_a_whole_file_is_read(write):
    project = load(write(WHOLE), {})

    assert (project.name, project.demo) == ("shop", "gateway.demo")
    assert project.gateway.port == 8080
    assert (project.console.port, project.console.otlp_port) == (8090, 4318)
    assert project.console.smtp_port == 1025
    assert project.service("catalog").contracts == ("shop.catalog.v1.CatalogService",)
    assert project.service("catalog").env == {"LOG_LEVEL": "DEBUG"}
    assert project.preload is None
    assert project.user_keys == "identity/shop.identity.v1.IdentityService/GetJwks"


def test_what_logs_in_and_what_is_secret_is_read(write):
    project = load(write(WHOLE), {})

    assert [str(one) for one in (project.login.method, project.login.refresh)] == [
        "identity/LogIn",
        "identity/RefreshSession",
    ]
    assert project.login.logout == Method(service="identity", name="LogOut")
    assert project.login.admin == Admin(email="admin@shop.example", secret="ADMIN_PASSWORD")
    assert project.service("identity").secrets == project.secrets
    assert project.secrets == (
        Secret(name="SIGNING_KEY"),
        Secret(name="ADMIN_PASSWORD", show="the admin's password"),
    )


def test_an_admin_a_mailbox_and_the_keys_of_users_may_be_left_out(write):
    text = "\n".join(
        line
        for line in WHOLE.splitlines()
        if not line.startswith(("admin =", "smtp_port", "user_keys"))
    )

    project = load(write(text), {})

    assert (project.login.admin, project.console.smtp_port, project.user_keys) == (None, None, "")


def test_the_file_of_this_project_is_read():
    project = load(Path(__file__).parents[2], {})

    assert [service.name for service in project.services] == ["identity", "catalog", "inventory"]
    assert project.login.admin.secret in {secret.name for secret in project.secrets}


def test_gateway_console_and_services_may_be_left_out(write):
    project = load(write('[project]\nname = "p"\npreload = []'), {})

    assert (project.gateway, project.console, project.services) == (None, None, ())
    assert project.login is None
    assert project.preload == ()


def test_the_environment_moves_a_port(write):
    moved = load(
        write(WHOLE),
        {
            "PLAIT_PORT_CATALOG": "19092",
            "PLAIT_PORT_OTLP": "14318",
            "PLAIT_PORT_SMTP": "11025",
            "PLAIT_PORT_GATEWAY": "",
        },
    )

    assert moved.service("catalog").port == 19092
    assert moved.console.otlp_port == 14318
    assert moved.console.smtp_port == 11025
    assert moved.gateway.port == 8080


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_an_environment_port_that_is_none_is_refused(write, port):
    message = refusal(write(WHOLE), {"PLAIT_PORT_GATEWAY": port})

    assert message == f"PLAIT_PORT_GATEWAY must be a port from 1 to 65535, found {port!r}"


@pytest.mark.parametrize("port", [1, 65535])
def test_the_smallest_and_the_largest_port_are_ports(write, port):
    assert load(write(WHOLE.replace("9092", str(port))), {}).service("catalog").port == port


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("port = 9092", "port = 0", "services[1].port must be a port from 1 to 65535, found 0"),
        ("port = 9092", "port = 65536", "services[1].port must be a port from 1 to 65535"),
        (
            "port = 9092",
            "port = true",
            "services[1].port must be a port from 1 to 65535, found True",
        ),
        ("port = 9092", "port = '9092'", "services[1].port must be a port"),
        (
            "port = 9092",
            "",
            "services[1].port must be a port from 1 to 65535, found nothing: add it",
        ),
        ('name = "shop"', "", "project.name must be a text, found nothing: add it"),
        ('name = "shop"', 'name = ""', "project.name must be a text, found ''"),
        ('name = "shop"', "name = 3", "project.name must be a text, found 3"),
        ('name = "catalog"', 'name = "Catalog"', "services[1].name must be a name of lower-case"),
        ('name = "catalog"', 'name = "gateway"', "services[1].name must be a name of lower-case"),
        ('"services.catalog.main"', '"services/catalog"', "services[1].module must be the name of"),
        ("port = 8080", "porrt = 8080", "gateway.port must be a port"),
        (
            "port = 8080",
            "port = 8080\nmodul = 'x'",
            "no key gateway.modul, there are: module, port",
        ),
        ("[console]", "[consoles]", "there is no key consoles"),
        (
            '["shop.catalog.v1.CatalogService"]',
            '"x"',
            "services[1].contracts must be a list of texts",
        ),
        (
            '["shop.catalog.v1.CatalogService"]',
            "[1]",
            "services[1].contracts must be a list of texts",
        ),
        ('{LOG_LEVEL = "DEBUG"}', "{LOG_LEVEL = 1}", "services[1].env.LOG_LEVEL must be a text"),
        ('{LOG_LEVEL = "DEBUG"}', "[]", "services[1].env must be a table of texts, found []"),
        ("port = 8090", "port = 4318", "console and console (otlp_port) have the same port 4318"),
        ("[project]", "", "project must be a table, [project], found nothing: add it"),
        (
            "port = 8090",
            "port = 1025",
            "console and console (smtp_port) have the same port 1025",
        ),
        ("smtp_port = 1025", "smtp_port = 0", "console.smtp_port must be a port"),
        (
            "identity/shop.identity.v1.IdentityService/GetJwks",
            "identity/GetJwks",
            "project.user_keys must be service/package.Service/Method with a service of this file",
        ),
        (
            "identity/shop.identity.v1.IdentityService/GetJwks",
            "people/shop.identity.v1.IdentityService/GetJwks",
            "project.user_keys must be service/package.Service/Method with a service of this file",
        ),
        (
            "identity/LogIn",
            "LogIn",
            "login.method must be service/Method with a service of this file, found 'LogIn'",
        ),
        ("identity/LogOut", "people/LogOut", "login.logout must be service/Method with a service"),
        (
            'refresh = "identity/RefreshSession"',
            "",
            "login.refresh must be a text, found nothing: add it",
        ),
        ("logout =", "log_out = 1\nlogout =", "there is no key login.log_out"),
        (
            'secret = "ADMIN_PASSWORD"',
            'secret = "PASSWORD"',
            "login.admin.secret must be the name of a service's secret, found 'PASSWORD'",
        ),
        ('email = "admin@shop.example", ', "", "login.admin.email must be a text, found nothing"),
        ("admin = {", "admin = {x = 1, ", "there is no key login.admin.x"),
        ("admin = { email", "admin = 1 # { email", "login.admin must be a table, [admin], found 1"),
        ("secrets = [", 'secrets = "x" # ', "services[0].secrets must be a list of secrets, as ["),
        (
            '{ name = "SIGNING_KEY" }',
            '{ name = "signing-key" }',
            "services[0].secrets[0].name must be the name of an environment variable, as API_KEY",
        ),
        (
            '{ name = "SIGNING_KEY" }',
            "{}",
            "services[0].secrets[0].name must be a text, found nothing",
        ),
        (
            '{ name = "SIGNING_KEY" }',
            '{ name = "SIGNING_KEY", hide = true }',
            "there is no key services[0].secrets[0].hide, there are: name, show",
        ),
        ('name = "SIGNING_KEY"', 'name = "ADMIN_PASSWORD"', "two secrets have the name"),
        (
            "secrets = [",
            'env = {SIGNING_KEY = "open"}\nsecrets = [',
            "services[0].secrets must be none of what env tells openly, found 'SIGNING_KEY'",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_key_and_what_was_expected(write, before, after, expected):
    root = write(WHOLE.replace(before, after, 1))

    message = refusal(root)

    assert expected in message
    assert str(root / "plait.toml") in message


def test_a_value_where_a_table_belongs_is_refused(write):
    message = refusal(write('gateway = 1\n[project]\nname = "p"'))

    assert "gateway must be a table, [gateway], found 1" in message


def test_a_table_where_a_list_of_them_belongs_is_refused(write):
    message = refusal(write('[project]\nname = "p"\n[services]\nname = "a"'))

    assert "services must be a list of tables, [[services]]" in message


def test_an_unknown_key_is_refused_with_the_nearest_known_one(write):
    message = refusal(write(WHOLE.replace("migrations =", "migration =")))

    assert message.endswith("did you mean 'migrations'?")


def test_a_long_value_is_shown_cut(write):
    assert refusal(write(WHOLE.replace('"shop"', str([1] * 100), 1))).endswith("...")


def test_two_services_of_one_name_are_refused(write):
    again = '[[services]]\nname = "catalog"\nmodule = "a.b"\nport = 1'

    assert "two services have the name 'catalog'" in refusal(write(WHOLE + again))


@pytest.mark.parametrize("text", ["= 3", "name = [", "\xff"])
def test_a_file_that_is_not_toml_is_refused_with_the_place(tmp_path, text):
    (tmp_path / "plait.toml").write_bytes(text.encode("latin-1"))

    assert "is not TOML: " in refusal(tmp_path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "plait.toml").mkdir()

    assert "cannot read" in refusal(tmp_path)


def test_the_file_is_found_in_a_folder_above(write):
    root = write(WHOLE)
    below = root / "services" / "catalog"
    below.mkdir(parents=True)

    assert find(below) == root
    assert find(root) == root


def test_a_folder_without_the_file_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(Mistake, match="--root"):
        find(tmp_path)

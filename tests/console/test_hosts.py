import pytest

from plait.console.hosts import HostCheck


async def app(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"in"})


async def ask(check, path="/", headers=()) -> tuple[int, bytes]:
    sent = []

    async def send(message) -> None:
        sent.append(message)

    await check({"type": "http", "path": path, "headers": list(headers)}, None, send)
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8090",
        "LOCALHOST",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.9.9.9",
        "[::1]:8090",
        "[::1]",
    ],
)
def test_a_loopback_name_is_let_in(host):
    assert HostCheck(app).accepts(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8090",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "[::1",
        "",
        ":8090",
        "127.1",
        "2130706433",
        "localhost@evil.example",
    ],
)
def test_any_other_name_is_refused(host):
    assert not HostCheck(app).accepts(host)


def test_names_of_the_setting_are_let_in_with_any_port():
    check = HostCheck(app, ["console.shop.svc"])

    assert check.accepts("Console.shop.svc:4318")
    assert not check.accepts("shop.svc")


def test_a_star_lets_everything_in():
    assert HostCheck(app, ["*"]).accepts("anything.example")


async def test_the_request_of_a_loopback_name_reaches_the_application():
    assert await ask(HostCheck(app), headers=[(b"host", b"localhost:1")]) == (200, b"in")


async def test_the_refusal_says_what_was_expected_found_and_how_to_allow_it():
    status, body = await ask(HostCheck(app), headers=[(b"host", b"evil.example")])

    assert status == 421
    assert b"localhost" in body
    assert b"'evil.example'" in body
    assert b"PLAIT_CONSOLE_HOSTS" in body


@pytest.mark.parametrize("hosts", [[], [b"localhost", b"evil.example"]])
async def test_no_host_or_more_than_one_is_refused(hosts):
    status, _ = await ask(HostCheck(app), headers=[(b"host", host) for host in hosts])

    assert status == 421


async def test_health_is_told_to_anyone():
    assert await ask(HostCheck(app), "/healthz", [(b"host", b"10.1.2.3")]) == (200, b"in")

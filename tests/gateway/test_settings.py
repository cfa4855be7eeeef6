"""The settings of a gateway, as its environment gives them."""

import pytest
from pydantic import ValidationError

from plait.gateway.settings import GatewaySettings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("PORT", "HOST", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_word_everything_has_a_bound():
    settings = GatewaySettings()

    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.edge.limits.body == 4 * 1024 * 1024
    assert settings.edge.limits.url == 8192
    assert settings.edge.heartbeat == 15.0
    assert settings.edge.trusted_proxies == ()
    assert settings.edge.limits.body_time == 60.0
    assert settings.edge.limits.stream_time == 3600.0
    assert settings.connections.header_timeout == 10.0
    assert settings.connections.count == 1024


def test_the_environment_moves_them(monkeypatch):
    monkeypatch.setenv("PORT", "9999")
    monkeypatch.setenv("PLAIT_MAX_BODY", "100")
    monkeypatch.setenv("PLAIT_MAX_CONNECTIONS", "7")
    monkeypatch.setenv("PLAIT_BODY_TIME", "5")
    monkeypatch.setenv("PLAIT_TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    monkeypatch.setenv("PLAIT_PASS_REQUEST_HEADERS", "X-One, x-two")
    monkeypatch.setenv("PLAIT_PASS_RESPONSE_METADATA", "x-three")

    settings = GatewaySettings()

    assert settings.port == 9999
    assert settings.edge.limits.body == 100
    assert settings.edge.limits.body_time == 5.0
    assert settings.connections.count == 7
    assert [str(network) for network in settings.edge.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert settings.edge.passing.requests == {"x-one", "x-two"}
    assert settings.edge.passing.responses == {"x-three"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_proxies", "everywhere"),
        ("pass_request_headers", "authorization"),
        ("pass_response_metadata", "connection"),
        ("max_body", 0),
        ("max_header_count", 101),
        ("heartbeat", 0),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        GatewaySettings(**{name: value})


def test_the_server_reads_at_least_what_the_edge_allows():
    settings = GatewaySettings(max_headers=100_000, max_url=50_000)

    assert settings.connections.header_bytes >= 150_000

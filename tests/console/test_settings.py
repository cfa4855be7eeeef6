import pytest
from pydantic import ValidationError

from plait.console.settings import ConsoleSettings


def test_the_ports_are_the_ones_that_everybody_knows(monkeypatch):
    monkeypatch.delenv("PORT", raising=False)

    settings = ConsoleSettings()

    assert (settings.host, settings.port, settings.otlp_port) == ("127.0.0.1", 8090, 4318)
    assert settings.otlp


def test_the_environment_moves_them(monkeypatch):
    for name, value in {
        "PORT": "1",
        "PLAIT_OTLP_PORT": "2",
        "PLAIT_OTLP": "false",
        "PLAIT_CONSOLE_TRACES": "3",
        "PLAIT_CONSOLE_SPANS": "4",
        "PLAIT_CONSOLE_BYTES": "1048576",
        "PLAIT_CONSOLE_HOSTS": "a.example, b",
    }.items():
        monkeypatch.setenv(name, value)

    settings = ConsoleSettings()

    assert (settings.port, settings.otlp_port, settings.otlp) == (1, 2, False)
    assert settings.limits.traces == 3
    assert settings.limits.trace_spans == 4
    assert settings.limits.total_bytes == 1048576
    assert settings.hosts == {"a.example", "b", "127.0.0.1"}


@pytest.mark.parametrize(
    ("host", "hosts"), [("10.0.0.1", {"10.0.0.1"}), ("0.0.0.0", set()), ("::", set())]
)
def test_the_address_itself_is_a_name_unless_it_is_any_address(host, hosts):
    assert ConsoleSettings(host=host).hosts == hosts


@pytest.mark.parametrize("size", [1024 * 1024, 64 * 1024 * 1024, 10**12])
def test_any_allowed_memory_makes_valid_limits(size):
    limits = ConsoleSettings(console_bytes=size).limits

    assert limits.total_bytes == size


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": -1},
        {"port": 65536},
        {"otlp_port": 65536},
        {"console_traces": 0},
        {"console_spans": 0},
        {"console_bytes": 1024 * 1024 - 1},
    ],
)
def test_values_out_of_bounds_are_refused(wrong):
    with pytest.raises(ValidationError):
        ConsoleSettings(**wrong)

"""Taken ports are found before anything starts."""

import os
import socket
from pathlib import Path

import pytest

from plait.local import ports as module
from plait.local.mistake import FAILED, Mistake
from plait.local.ports import Port, ports, require_free
from plait.local.project import Console, Gateway, Project, Service


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def port(number: int) -> Port:
    return Port(
        number=number, process="catalog", key="services.catalog.port", variable="PLAIT_PORT_CATALOG"
    )


def test_a_taken_port_is_refused_with_who_has_it_and_what_moves_it(taken):
    with pytest.raises(Mistake) as refused:
        require_free([port(taken)])

    message = str(refused.value)
    assert f"127.0.0.1:{taken}, where catalog would listen, is taken" in message
    assert "services.catalog.port in plait.toml or PLAIT_PORT_CATALOG" in message
    assert f"(pid {os.getpid()})" in message
    assert refused.value.code == FAILED


def test_a_port_that_no_key_names_is_moved_by_its_variable(taken):
    server = Port(number=taken, process="PostgreSQL", key="", variable="PLAIT_PORT_POSTGRES")

    with pytest.raises(Mistake, match="or set PLAIT_PORT_POSTGRES to another port"):
        require_free([server])


def test_every_taken_port_is_named(taken):
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(Mistake) as refused:
        require_free([port(taken), port(other.getsockname()[1])])

    assert len(str(refused.value).splitlines()) == 2


def test_a_free_port_is_fine(taken):
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]

    require_free([port(free)])


def test_where_the_kernel_tells_nothing_no_one_is_named(taken, monkeypatch):
    monkeypatch.setattr(module, "_PROC", Path("/nowhere"))

    with pytest.raises(Mistake, match="is taken: stop what uses it"):
        require_free([port(taken)])


def test_an_address_that_is_not_ours_is_refused(monkeypatch):
    monkeypatch.setattr(module, "HOST", "192.0.2.1")  # TEST-NET-1: nobody has it

    with pytest.raises(Mistake, match="is not to be had"):
        require_free([port(1)])


def test_every_port_of_a_project_is_asked_for(tmp_path):
    project = Project(
        root=tmp_path,
        name="p",
        gateway=Gateway(module="g", port=1),
        console=Console(module="c", port=2, otlp_port=3, smtp_port=5),
        services=(Service(name="catalog", module="m", port=4),),
    )

    ours = {(one.number, one.key) for one in ports(project, {})}
    elsewhere = {one.number for one in ports(project, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"})}

    assert ours == {
        (1, "gateway.port"),
        (2, "console.port"),
        (3, "console.otlp_port"),
        (4, "services.catalog.port"),
        (5, "console.smtp_port"),
    }
    assert elsewhere == {1, 2, 4, 5}

"""Places where a server listens."""

import socket

import pytest

from plait.rpc.listening import bound, left, port_of, remove


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "localhost:0"])
def test_a_free_port_is_bound_and_told(address):
    with bound(address) as place:
        assert port_of(place) > 0
        assert left(place) == ""


def test_a_taken_port_is_an_error():
    with bound("127.0.0.1:0") as place, pytest.raises(OSError, match="in use"):
        bound(f"127.0.0.1:{port_of(place)}")


def test_several_may_listen_at_a_port_if_all_say_so():
    with bound("127.0.0.1:0", reuse_port=True) as place:
        port = port_of(place)
        with bound(f"127.0.0.1:{port}", reuse_port=True) as another:
            assert port_of(another) == port


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "x:-1"])
def test_what_is_no_address_is_refused_with_what_is_expected(address):
    with pytest.raises(ValueError, match="expected host:port"):
        bound(address)


@pytest.mark.parametrize("scheme", ["unix:", "unix://"])
def test_a_unix_socket_is_bound_and_its_file_known(tmp_path, scheme):
    path = tmp_path / "s"

    with bound(f"{scheme}{path}") as place:
        assert (port_of(place), left(place)) == (0, str(path))
        remove(left(place))

    assert not path.exists()
    remove(str(path))


def test_a_socket_at_which_nobody_listens_any_more_is_replaced(tmp_path):
    path = tmp_path / "s"
    bound(f"unix:{path}").close()
    assert path.exists()

    with bound(f"unix:{path}"), socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))


def test_a_socket_at_which_somebody_listens_is_taken(tmp_path):
    with bound(f"unix:{tmp_path}/s"), pytest.raises(OSError, match="in use"):
        bound(f"unix:{tmp_path}/s")


def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")

    with pytest.raises(OSError, match="in use"):
        bound(f"unix:{path}")

    assert path.read_text() == "precious"


def test_a_socket_of_another_kind_is_left_alone(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(f"{tmp_path}/s")

        with pytest.raises(OSError, match="in use"):
            bound(f"unix:{tmp_path}/s")

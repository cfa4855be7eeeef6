"""The same conversations with h2 at the other end: another reading of the same RFC."""

import h2.config
import h2.connection
import h2.events
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rpc.http2.ends import REQUEST, RESPONSE, End


def to_h2(end: End, judge: h2.connection.H2Connection) -> list[h2.events.Event]:
    """Carry bytes both ways until nothing is left; return what h2 has heard."""
    heard = []
    while True:
        ours, theirs = end.sent(), judge.data_to_send()
        if not ours and not theirs:
            return heard
        heard += judge.receive_data(ours) if ours else []
        end.connection.receive(theirs)
        assert end.connection.failure is None


def judge_of(*, client: bool) -> h2.connection.H2Connection:
    judge = h2.connection.H2Connection(
        h2.config.H2Configuration(client_side=client, header_encoding=None)
    )
    judge.initiate_connection()
    return judge


@settings(deadline=None)
@given(
    bodies=st.lists(st.lists(st.binary(max_size=3000), max_size=4), min_size=1, max_size=4),
    names=st.lists(st.sampled_from([b"a", b"b", b"grpc-timeout"]), max_size=3),
)
def test_h2s_requests_are_read_and_our_answers_understood(bodies, names):
    server, judge = End(server=True, primed=(RESPONSE[0],)), judge_of(client=True)
    server.connection.start()
    fields = [(name, b"%d" % index) for index, name in enumerate(names)]
    for number, body in enumerate(bodies):
        judge.send_headers(2 * number + 1, [*REQUEST, *fields])
        for part in body:
            judge.send_data(2 * number + 1, part)
        judge.end_stream(2 * number + 1)
    to_h2(server, judge)

    for stream in server.streams.values():
        stream.send_head([*RESPONSE, *fields])
        stream.send_data(b"".join([b"re: ", stream.data()]))
        stream.send_trailers([(b"grpc-status", b"0")])
    heard = to_h2(server, judge)

    for number, body in enumerate(bodies):
        mine = [each for each in heard if getattr(each, "stream_id", 0) == 2 * number + 1]
        data = b"".join(e.data for e in mine if isinstance(e, h2.events.DataReceived))
        assert server.streams[2 * number + 1].heard[0] == ("head", [*REQUEST, *fields], False)
        assert data == b"re: " + b"".join(body)
        assert any(isinstance(each, h2.events.TrailersReceived) for each in mine)
        assert isinstance(mine[-1], h2.events.StreamEnded)


def test_our_requests_are_understood_by_h2_and_its_answers_read():
    client, judge = End(server=False, primed=(REQUEST[3],)), judge_of(client=False)
    client.connection.start()
    asked = [client.request([*REQUEST, (b"x", b"1")]) for _ in range(3)]
    for stream in asked:
        stream.send_data(b"x" * 20_000, end=True)

    heard = to_h2(client, judge)
    for each in heard:
        if isinstance(each, h2.events.RequestReceived):
            assert list(each.headers) == [*REQUEST, (b"x", b"1")]
            judge.send_headers(each.stream_id, RESPONSE)
            judge.send_data(each.stream_id, b"y" * 10)
            judge.send_headers(each.stream_id, [(b"grpc-status", b"0")], end_stream=True)
    to_h2(client, judge)

    assert sum(isinstance(each, h2.events.StreamEnded) for each in heard) == 3
    assert all(stream.data() == b"y" * 10 for stream in asked)
    assert client.connection.streams == {}

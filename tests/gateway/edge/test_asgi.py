"""What the edge reads of a scope is what the server puts there."""

import asyncio

from plait.gateway.server import serve

BOUND = 10.0


async def test_the_server_gives_paths_and_headers_as_they_came():
    scopes: list[dict] = []
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def look(scope, receive, send):
        scopes.append(dict(scope))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    serving = asyncio.create_task(
        serve(look, "127.0.0.1", 0, stop=stop, ready=port.set_result, grace=1)
    )
    async with asyncio.timeout(BOUND):
        reader, writer = await asyncio.open_connection("127.0.0.1", await port)
        writer.write(
            b"GET /a%2Fb/c?d=e%20f HTTP/1.1\r\nhost: x\r\nX-One: 1\r\nx-one: 2\r\n"
            b"connection: close\r\n\r\n"
        )
        await reader.read()
        writer.close()
        stop.set()
        await serving

    (scope,) = scopes
    assert scope["type"] == "http"
    assert scope["method"] == "GET"
    assert scope["raw_path"] == b"/a%2Fb/c"
    assert scope["query_string"] == b"d=e%20f"
    assert scope["scheme"] == "http"
    assert scope["http_version"] == "1.1"
    assert scope["client"][0] == "127.0.0.1"
    assert [pair for pair in scope["headers"] if pair[0] == b"x-one"] == [
        (b"x-one", b"1"),
        (b"x-one", b"2"),
    ]

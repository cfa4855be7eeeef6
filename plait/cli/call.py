"""`plait call`: any method of a running service, JSON in and JSON out."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from plait.cli.login import fresh_token
from plait.cli.pairs import to_json
from plait.errors import Error
from plait.local.config import find as find_project
from plait.local.config import load
from plait.local.environment import target
from plait.local.mistake import FAILED, USAGE, Mistake
from plait.local.project import Project, nearest
from plait.local.reflection import Reflection, find
from plait.mesh.channel import connect
from plait.mesh.grpcio import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line asks for; `token` None means that of the last login."""

    method: str
    fields: tuple[str, ...] = ()
    data: str = ""
    target: str = ""
    token: str | None = None
    timeout: float = 30.0
    trace: bool = False


def run(root: Path | None, wish: Wish) -> int:
    """Call, print the answer, and return the exit code: 1 if the call ended with an error.

    Raises:
        Mistake: it is not known what is to be called or where, or the request is not one.
    """
    project = _project(root, wish)
    if wish.fields and wish.data:
        raise Mistake("give the request as fields or with --data, not both", code=USAGE)
    if wish.trace:
        from plait.cli import trace  # noqa: PLC0415 - telemetry takes time to load

        return trace.traced(
            _console(project), lambda stack: asyncio.run(_run(project, wish, stack))
        )
    return asyncio.run(_run(project, wish, ()))


async def _run(project: Project | None, wish: Wish, stack: Any) -> int:
    where = wish.target or _target(project, wish.method)
    metadata = await _credentials(project, wish)
    try:
        async with connect("server", target=where, stack=stack, environ={}) as channel:
            reflection = Reflection(channel)
            method = find(wish.method, await reflection.methods(await reflection.services()))
            async with aclosing(_requests(method, wish)) as requests:
                async for answer in _called(channel, method, requests, wish, metadata):
                    _print(answer, reflection, streamed=method.server_streaming)
    except Error as error:
        sys.stderr.write(described(error))
        return FAILED
    return 0


async def _called(
    channel: Channel,
    method: MethodDescriptor,
    requests: AsyncIterator[Message],
    wish: Wish,
    metadata: list[tuple[str, str]],
) -> AsyncIterator[Message]:
    shape = f"{_shape(method.client_streaming)}_{_shape(method.server_streaming)}"
    rpc = getattr(channel, shape)(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=_bytes,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    streams = method.client_streaming or method.server_streaming
    request = requests if method.client_streaming else await _only(requests)
    answer = rpc(request, metadata=metadata, timeout=None if streams else wish.timeout)
    if method.server_streaming:
        async for message in answer:
            yield message
    else:
        yield await answer


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()


def _shape(streaming: bool) -> str:  # noqa: FBT001 - it is what a descriptor says
    return "stream" if streaming else "unary"


async def _only(requests: AsyncIterator[Message]) -> Message:
    found = [request async for request in requests]
    if len(found) != 1:
        raise Mistake(f"expected one request, found {len(found)} lines of JSON", code=USAGE)
    return found[0]


async def _requests(method: MethodDescriptor, wish: Wish) -> AsyncGenerator[Message, None]:
    if not wish.data:
        yield _message(method, to_json(method.input_type, wish.fields), "the fields")
        return
    if not wish.data.startswith("@"):
        for number, line in enumerate(_texts(method, wish.data), 1):
            yield _message(method, _parsed(line, number), f"line {number} of --data")
        return
    with _opened(wish.data.removeprefix("@")) as file:
        if not method.client_streaming:
            text = await asyncio.to_thread(file.read)
            yield _message(method, _parsed(text, 1), "--data")
            return
        number = 0
        while line := await asyncio.to_thread(file.readline):  # one at a time: it may be a pipe
            number += 1
            if line.strip():
                yield _message(method, _parsed(line, number), f"line {number}")


def _texts(method: MethodDescriptor, data: str) -> Iterable[str]:
    return filter(str.strip, data.splitlines()) if method.client_streaming else [data]


def _opened(name: str) -> IO[str]:
    if name == "-":
        return os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8")
    try:
        return Path(name).open(encoding="utf-8")
    except OSError as error:
        raise Mistake(f"cannot read {name}: {error.strerror}", code=USAGE) from error


def _parsed(text: str, number: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = number + error.lineno - 1
        raise Mistake(
            f"the request is not JSON: line {line}, column {error.colno}: {error.msg}", code=USAGE
        ) from error


def _message(method: MethodDescriptor, values: Any, where: str) -> Message:
    message = GetMessageClass(method.input_type)()
    try:
        json_format.ParseDict(values, message, descriptor_pool=method.input_type.file.pool)
    except (json_format.ParseError, AttributeError, TypeError) as error:
        name = method.input_type.full_name
        raise Mistake(f"{where}: not a {name}: {error}", code=USAGE) from error
    return message


def _print(message: Message, reflection: Reflection, *, streamed: bool) -> None:
    values = json_format.MessageToDict(message, descriptor_pool=reflection.pool)
    text = json.dumps(values, ensure_ascii=False, indent=None if streamed else 2)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def described(error: Error) -> str:
    """Return an error of a call in lines: its status, then its details."""
    lines = [f"{error.code.name}: {error.message}"]
    if error.reason:
        lines.append(f"  reason: {error.reason}" + (f" ({error.domain})" if error.domain else ""))
    lines += [f"  {key}: {value}" for key, value in error.metadata.items()]
    if error.resource:
        lines.append(f"  resource: {error.resource}")
    for violation in error.violations:
        rule = f" [{violation.rule}]" if violation.rule else ""
        lines.append(f"  field {violation.field}: {violation.description}{rule}")
    if error.retry_after is not None:
        lines.append(f"  try again after {error.retry_after:g} s")
    return "".join(f"{line}\n" for line in lines)


def _project(root: Path | None, wish: Wish) -> Project | None:
    try:
        return load(find_project((root or Path.cwd()).absolute()), os.environ)
    except Mistake:
        if wish.target and root is None:
            return None  # any server can be called from anywhere
        raise


def _target(project: Project | None, method: str) -> str:
    assert project is not None
    wanted = method.rpartition("/")[0] or method.rpartition(".")[0]
    for service in project.services:
        if wanted == service.name or wanted in service.contracts:
            return target(project, os.environ, service.name)
    known = [service.name for service in project.services]
    raise Mistake(
        f"there is no service {wanted!r} in plait.toml, which has: {', '.join(known) or 'none'}"
        f"{nearest(wanted, known)}; or say with --target host:port where it is",
        code=USAGE,
    )


def _is_ours(project: Project, where: str) -> bool:
    """Whether that is where a service of the project is: nobody else is sent a session's token."""
    services = [target(project, os.environ, service.name) for service in project.services]
    return not where or where in services


async def _credentials(project: Project | None, wish: Wish) -> list[tuple[str, str]]:
    token = wish.token
    if token is None:
        token = os.environ.get("PLAIT_TOKEN", "")
    if not token and wish.token is None and project is not None and _is_ours(project, wish.target):
        token = await fresh_token(project)
    return [("authorization", f"Bearer {token}")] if token else []


def _console(project: Project | None) -> tuple[str, str]:
    if project is None or project.console is None:
        raise Mistake(
            "--trace asks the console, and there is no [console] in plait.toml", code=USAGE
        )
    console = project.console
    return f"http://127.0.0.1:{console.port}", f"http://127.0.0.1:{console.otlp_port}"

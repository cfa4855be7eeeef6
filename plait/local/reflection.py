"""What a server says about itself: its services, and the messages of their methods."""

from collections.abc import AsyncIterator, Mapping, Sequence

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from plait.errors import NotFound, error_class
from plait.local.mistake import USAGE, Mistake
from plait.local.project import nearest
from plait.mesh.grpcio import Channel

_TIMEOUT = 10.0  # seconds
_OWN = "grpc."


class Reflection:
    """Asks a server by grpc.reflection.v1alpha; descriptors come into one pool.

    Its questions raise what the channel raises, `Unimplemented` where the server has no reflection.
    """

    def __init__(self, channel: Channel) -> None:
        self.pool = DescriptorPool()
        self._info = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        self._known: set[str] = set()

    async def services(self) -> list[str]:
        """Return the full names of the services, without gRPC's own."""
        answer = await self._ask(ServerReflectionRequest(list_services=""))
        names = [service.name for service in answer.list_services_response.service]
        return [name for name in names if not name.startswith(_OWN)]

    async def methods(self, services: Sequence[str]) -> Mapping[str, Sequence[MethodDescriptor]]:
        """Return the methods of each service."""
        found: dict[str, Sequence[MethodDescriptor]] = {}
        for name in services:
            await self._load(ServerReflectionRequest(file_containing_symbol=name))
            found[name] = list(self.pool.FindServiceByName(name).methods)
        return found

    async def _load(self, request: ServerReflectionRequest) -> None:
        answer = await self._ask(request)
        files = [
            FileDescriptorProto.FromString(data)
            for data in answer.file_descriptor_response.file_descriptor_proto
        ]
        waiting = {file.name: file for file in files if file.name not in self._known}
        for file in list(waiting.values()):
            await self._add(file, waiting)

    async def _add(
        self, file: FileDescriptorProto, waiting: Mapping[str, FileDescriptorProto]
    ) -> None:
        if file.name in self._known:
            return
        self._known.add(file.name)
        for name in file.dependency:  # first, because the pool wants them there
            if name in waiting:
                await self._add(waiting[name], waiting)
            elif name not in self._known:
                await self._load(ServerReflectionRequest(file_by_filename=name))
        self.pool.Add(file)

    async def _ask(self, request: ServerReflectionRequest) -> ServerReflectionResponse:
        answers: AsyncIterator[ServerReflectionResponse]
        answers = self._info(iter([request]), timeout=_TIMEOUT)
        async for answer in answers:
            if answer.HasField("error_response"):
                error = answer.error_response
                raise error_class(error.error_code)(error.error_message)
            return answer
        raise NotFound("the server's reflection gave no answer")


def find(wish: str, services: Mapping[str, Sequence[MethodDescriptor]]) -> MethodDescriptor:
    """Return the method of a wish: `catalog/GetProduct` or the full name with / or the last dot.

    What stands before the slash is the service's full name, or anything else where only one
    service has such a method.

    Raises:
        Mistake: there is no such method, or more than one.
    """
    service, slash, name = wish.rpartition("/")
    if not slash:
        service, _, name = wish.rpartition(".")
    among = {service: services[service]} if service in services else services
    found = [method for methods in among.values() for method in methods if method.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(method.full_name for method in found)
        raise Mistake(f"{wish} may be {names}: give the full name", code=USAGE)
    known = [method.name for methods in among.values() for method in methods]
    raise Mistake(
        f"there is no method {name!r} in {', '.join(among) or 'this server'}, there are: "
        f"{', '.join(known) or 'none'}{nearest(name, known)}",
        code=USAGE,
    )

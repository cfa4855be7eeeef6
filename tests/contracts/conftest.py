"""The contracts as the tests of this folder walk them: from gen/contracts.binpb alone."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api import annotations_pb2, field_behavior_pb2, field_info_pb2, resource_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from buf.validate import validate_pb2
from plait.api.v1 import options_pb2

ROOT = Path(__file__).parent.parent.parent

# An option can be read only after the file that defines it is imported.
OPTIONS = (
    *(annotations_pb2, field_behavior_pb2, field_info_pb2, options_pb2, resource_pb2),
    validate_pb2,
)


def nested(message: Descriptor) -> Iterator[Descriptor]:
    yield message
    for inner in message.nested_types:
        yield from nested(inner)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def files() -> FileDescriptorSet:
    return FileDescriptorSet.FromString((ROOT / "gen" / "contracts.binpb").read_bytes())


@pytest.fixture(scope="session")
def pool(files) -> DescriptorPool:
    pool = DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


@pytest.fixture(scope="session")
def shop(files, pool) -> list:
    """The file descriptors of the shop's seven contracts."""
    names = [file.name for file in files.file if file.name.startswith("shop/")]
    assert len(names) == 7
    return [pool.FindFileByName(name) for name in names]


@pytest.fixture(scope="session")
def methods(shop) -> list[MethodDescriptor]:
    return [
        method
        for file in shop
        for service in file.services_by_name.values()
        for method in service.methods
    ]


@pytest.fixture(scope="session")
def messages(shop) -> list[Descriptor]:
    return [
        message
        for file in shop
        for top in file.message_types_by_name.values()
        for message in nested(top)
    ]


@pytest.fixture(scope="session")
def fields(messages) -> list[FieldDescriptor]:
    return [field for message in messages for field in message.fields]


@pytest.fixture
def copy(tmp_path) -> Path:
    """A project with our contracts, to change; generated code is not in it."""
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path

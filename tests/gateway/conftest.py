"""Contracts for tests of the gateway, compiled when they are needed."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc_tools import protoc
from hypothesis import settings

from plait.gateway import contracts as gateway_contracts
from plait.gateway.contracts import Contracts

settings.register_profile("gateway", deadline=None, max_examples=50)  # machines may be busy
settings.load_profile("gateway")

ROOT = Path(__file__).parents[2]
CONTRACTS = Path(__file__).parent / "contracts"
LIBRARY = "plait.testing.v1.LibraryService"
EVERYTHING = "plait.testing.v1.EverythingService"


def compiled(folder: Path, out: Path) -> bytes:
    """Compile all contracts of a folder to a descriptor set with imports and comments."""
    spec = importlib.util.find_spec("grpc_tools")
    assert spec is not None
    assert spec.origin is not None
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.proto"))
    arguments = [
        "protoc",
        f"--proto_path={folder}",
        f"--proto_path={ROOT / 'protos'}",
        f"--proto_path={Path(spec.origin).parent / '_proto'}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={out}",
        *names,
    ]
    assert protoc.main(arguments) == 0, f"protoc refuses {names}"
    return out.read_bytes()


@pytest.fixture(scope="session")
def descriptor_set(tmp_path_factory) -> bytes:
    """The descriptor set of tests/gateway/contracts."""
    return compiled(CONTRACTS, tmp_path_factory.mktemp("contracts") / "contracts.binpb")


@pytest.fixture(scope="session")
def library(descriptor_set) -> Contracts:
    """The contracts of the two services that tests show outside."""
    return gateway_contracts.load(descriptor_set, [LIBRARY, EVERYTHING])


@pytest.fixture(scope="session")
def message_class(descriptor_set) -> Callable[[str], type[Message]]:
    """Return the class of a message by its full name, made by google.protobuf: what peers use."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file:
        pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


@pytest.fixture
def contract(tmp_path) -> Callable[[str], bytes]:
    """Compile one contract, given as text without its first lines, to a descriptor set."""

    def compile_text(text: str) -> bytes:
        folder = tmp_path / "protos"
        folder.mkdir(exist_ok=True)
        (folder / "wrong.proto").write_text(_HEAD + text)
        return compiled(folder, tmp_path / "wrong.binpb")

    return compile_text


_HEAD = """
syntax = "proto3";
package wrong.v1;
import "google/api/annotations.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "plait/api/v1/options.proto";
"""

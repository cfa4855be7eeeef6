"""Generated code is what the contracts say, and vendored text is its owner's."""

import importlib.util
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from buf.validate import validate_pb2
from plait.cli.generate import stale


def test_generated_code_is_fresh(root):
    assert stale(root) == []


def test_the_vendored_google_contracts_are_those_of_the_installed_wheel(root):
    vendored = sorted((root / "protos" / "google").rglob("*.proto"))
    wheel = Path(next(iter(importlib.util.find_spec("google.api").submodule_search_locations)))

    different = [
        path.name
        for path in vendored
        if path.read_bytes()
        != (wheel.parent / path.relative_to(root / "protos" / "google")).read_bytes()
    ]

    assert len(vendored) >= 12
    assert different == []


def meaning(file):
    """The text of a file descriptor without what protoc adds for readers."""
    plain = FileDescriptorProto()
    file.CopyToProto(plain)
    plain.ClearField("source_code_info")
    return [line for line in str(plain).splitlines() if "json_name" not in line]


def test_the_vendored_rules_are_those_that_the_generated_code_knows(pool):
    vendored = meaning(pool.FindFileByName("buf/validate/validate.proto"))

    assert len(vendored) > 1000
    assert vendored == meaning(validate_pb2.DESCRIPTOR)


def test_the_descriptor_set_is_complete_and_carries_comments(files):
    names = [file.name for file in files.file]
    comments = [
        location.leading_comments
        for file in files.file
        if file.name == "shop/catalog/v1/catalog.proto"
        for location in file.source_code_info.location
    ]

    assert {name for file in files.file for name in file.dependency} <= set(names)
    assert any("Creates a product." in comment for comment in comments)

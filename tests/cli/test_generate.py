"""`plait generate`: what it writes, what it removes, what it finds stale, and what it refuses."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from plait.cli.generate import (
    GenerateError,
    accept,
    generate,
    generate_command,
    main,
    stale,
)

TEA = """
syntax = "proto3";

package house.tea.v1;

// Makes tea.
service TeaService {
  // Makes a cup.
  rpc Make(MakeRequest) returns (Cup);
}

// The request of Make.
message MakeRequest {}

// A cup of tea.
message Cup {
  // How warm it is.
  int32 degrees = 1;
}
"""
OPTIONS = """
syntax = "proto3";

package plait.api.v1;

// Nothing.
message Nothing {}
"""
BUF = "version: v2\nmodules: [{path: protos}]\n"
TEA_FILES = [
    *("gen/house/tea/v1/tea_pb2.py", "gen/house/tea/v1/tea_pb2.pyi"),
    *("gen/house/tea/v1/tea_pb2_grpc.py", "gen/house/tea/v1/tea_pb2_grpc.pyi"),
]
OUR_FILES = [
    *("plait/api/__init__.py", "plait/api/v1/__init__.py"),
    *("plait/api/v1/options_pb2.py", "plait/api/v1/options_pb2.pyi"),
]


@pytest.fixture
def project(tmp_path):
    """A project with one contract of its own and one of plait's."""
    return write(tmp_path / "project")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = write(tmp_path_factory.mktemp("template") / "project")
    generate(root)
    return root


@pytest.fixture
def generated(template, tmp_path):
    """The project with its generated code."""
    return Path(shutil.copytree(template, tmp_path / "generated"))


def write(root):
    for name, text in {"house/tea/v1/tea": TEA, "plait/api/v1/options": OPTIONS}.items():
        path = root / "protos" / f"{name}.proto"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    (root / "buf.yaml").write_text(BUF, encoding="utf-8")
    return root


def written(root):
    return sorted(
        path.relative_to(root).as_posix()
        for folder in ("gen", "plait")
        for path in (root / folder).rglob("*")
        if path.is_file()
    )


def test_contracts_become_code_in_gen_and_ours_a_part_of_plait(generated):
    assert written(generated) == ["gen/contracts.binpb", *TEA_FILES, *OUR_FILES]


def test_the_descriptor_set_has_every_contract_with_its_comments(generated):
    described = FileDescriptorSet.FromString((generated / "gen/contracts.binpb").read_bytes())

    assert [file.name for file in described.file] == [
        "house/tea/v1/tea.proto",
        "plait/api/v1/options.proto",
    ]
    assert any(
        location.leading_comments == " Makes a cup.\n"
        for location in described.file[0].source_code_info.location
    )


def test_generating_twice_touches_nothing(generated):
    before = {name: (generated / name).stat().st_mtime_ns for name in written(generated)}

    generate(generated)

    assert {name: (generated / name).stat().st_mtime_ns for name in before} == before


def test_what_a_removed_contract_left_is_removed(generated):
    shutil.rmtree(generated / "protos/house")

    generate(generated)

    assert written(generated) == ["gen/contracts.binpb", *OUR_FILES]


def test_fresh_code_is_not_stale(generated):
    assert stale(generated) == []


def test_compiled_python_beside_the_code_is_not_stale(generated):
    cache = generated / "gen/house/tea/v1/__pycache__"
    cache.mkdir()
    (cache / "tea_pb2.cpython-311.pyc").write_bytes(b"")

    assert stale(generated) == []


def test_changed_missing_and_left_over_files_are_stale(generated):
    (generated / "gen/house/tea/v1/tea_pb2.py").write_text("# edited\n", encoding="utf-8")
    (generated / "plait/api/v1/options_pb2.py").unlink()
    (generated / "gen/coffee_pb2.py").write_text("", encoding="utf-8")

    assert stale(generated) == [
        "gen/coffee_pb2.py",
        "gen/house/tea/v1/tea_pb2.py",
        "plait/api/v1/options_pb2.py",
    ]


def test_a_changed_contract_makes_the_code_stale(generated):
    path = generated / "protos/house/tea/v1/tea.proto"
    path.write_text(TEA.replace("degrees = 1", "degrees = 2"), encoding="utf-8")

    assert stale(generated) == [
        "gen/contracts.binpb",
        "gen/house/tea/v1/tea_pb2.py",
    ]


def test_a_check_names_what_is_stale_and_writes_nothing(project):
    with pytest.raises(GenerateError, match=r"gen/contracts\.binpb.*run `make generate`"):
        generate_command(check=True, root=project)

    assert written(project) == []


def test_a_check_of_fresh_code_is_silent(generated):
    generate_command(check=True, root=generated)


def test_a_contract_that_is_wrong_is_shown_with_its_place(project):
    path = project / "protos/house/tea/v1/tea.proto"
    path.write_text(TEA.replace("int32", "int33"), encoding="utf-8")

    with pytest.raises(GenerateError, match=r'tea/v1/tea\.proto:18:3: "int33" is not defined'):
        generate(project)

    assert written(project) == []


def test_a_folder_without_contracts_is_refused(tmp_path):
    with pytest.raises(GenerateError, match=r"expected contracts \(\*\.proto\) under .*found none"):
        generate(tmp_path)


def test_a_missing_plugin_says_how_to_get_it(project, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(project / "python"))

    with pytest.raises(GenerateError, match=r"protoc-gen-mypy is not installed in .*`make check`"):
        generate(project)


def test_a_missing_compiler_says_how_to_get_it(project, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(GenerateError, match=r"grpcio-tools is not installed in .*`make check`"):
        generate(project)


@pytest.mark.parametrize(
    "changelog",
    [
        pytest.param(None, id="no changelog"),
        pytest.param("# Changelog\n", id="no section"),
        pytest.param("## [Unreleased]\n\n- Faster.\n", id="no line about contracts"),
        pytest.param("## [Unreleased]\n\n## [0.1.0]\n\n- Contracts: tea.\n", id="an old line"),
    ],
)
def test_accepting_contracts_without_a_word_to_their_users_is_refused(project, changelog):
    if changelog is not None:
        (project / "CHANGELOG.md").write_text(changelog, encoding="utf-8")

    with pytest.raises(GenerateError, match=r"`- Contracts:` in the section \[Unreleased\]"):
        accept(project)

    assert not (project / "protos/released.binpb").exists()


def test_accepting_contracts_writes_what_the_next_ones_are_compared_with(project):
    changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Contracts: tea.\n"
    (project / "CHANGELOG.md").write_text(changelog, encoding="utf-8")

    accept(project)

    released = FileDescriptorSet.FromString((project / "protos/released.binpb").read_bytes())
    assert [file.name for file in released.file] == [
        "house/tea/v1/tea.proto",
        "plait/api/v1/options.proto",
    ]
    assert not any(file.source_code_info.location for file in released.file)


def test_run_by_hand_it_writes_what_a_check_then_finds_fresh(project):
    assert main([str(project)]) == 0
    assert main(["--check", str(project)]) == 0


def test_run_by_hand_a_check_of_stale_code_fails(generated):
    (generated / "gen/contracts.binpb").unlink()

    assert main(["--check", str(generated)]) == 1


def test_run_by_hand_a_mistake_is_one_sentence_without_a_traceback(project, capsys):
    assert main(["--accept", str(project)]) == 1

    assert capsys.readouterr().err.startswith("plait generate: a release of the contracts needs")

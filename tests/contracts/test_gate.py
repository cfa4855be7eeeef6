"""The gate in front of the contracts: `buf lint`, `buf format` and `buf breaking`."""

import subprocess
import sys
from pathlib import Path

import pytest

BUF = str(Path(sys.executable).parent / "buf")
CATALOG = "protos/shop/catalog/v1/catalog.proto"


def buf(root, *arguments):
    return subprocess.run(
        [BUF, *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=60
    )


def breaking(root):
    return buf(root, "breaking", "--against", "protos/released.binpb")


def edit(root, old, new):
    path = root / CATALOG
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_contracts_pass_the_linter(root):
    result = buf(root, "lint")

    assert (result.returncode, result.stdout) == (0, "")


def test_the_contracts_are_formatted(root):
    result = buf(root, "format", "protos", "--path", "protos/shop", "--diff", "--exit-code")

    assert (result.returncode, result.stdout) == (0, "")


def test_the_linter_refuses_a_method_without_a_comment(copy):
    path = copy / "protos/shop/shipping/v1/shipping.proto"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "service ShippingService {",
            "service ShippingService {\n"
            "  rpc Lose(LoseRequest) returns (Shipment);\n"
            "}\n"
            "// The request of Lose.\n"
            "message LoseRequest {}\n"
            "// More.\n"
            "service MoreService {",
        ),
        encoding="utf-8",
    )

    result = buf(copy, "lint")

    assert result.returncode != 0
    assert 'RPC "Lose" should have a non-empty comment' in result.stdout


def test_the_contracts_break_nothing_that_is_released(root):
    result = breaking(root)

    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            "  bool show_deleted = 5 [(google.api.field_behavior) = OPTIONAL];\n",
            "",
            id="a removed field",
        ),
        pytest.param("bool show_deleted = 5 ", "bool show_deleted = 6 ", id="a renumbered field"),
        pytest.param("bool show_deleted = 5 ", "int32 show_deleted = 5 ", id="a changed type"),
    ],
)
def test_the_gate_refuses(copy, old, new):
    edit(copy, old, new)

    result = breaking(copy)

    assert result.returncode != 0
    assert "show_deleted" in result.stdout
    assert "ListProductsRequest" in result.stdout


def test_the_gate_lets_a_new_field_through(copy):
    edit(
        copy,
        "  bool show_deleted = 5 [(google.api.field_behavior) = OPTIONAL];\n",
        "  bool show_deleted = 5 [(google.api.field_behavior) = OPTIONAL];\n\n"
        "  // Whether to answer products without a picture.\n"
        "  bool show_plain = 6;\n",
    )

    result = breaking(copy)

    assert (result.returncode, result.stdout) == (0, "")

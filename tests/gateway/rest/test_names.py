import pytest

from plait.gateway.rest.names import json_path, nearest


@pytest.mark.parametrize(
    ("wrong", "known", "expected"),
    [
        ("titel", ["title", "name"], '; did you mean "title"?'),
        ("page_size", ["pageSize"], '; did you mean "pageSize"?'),
        ("PAGESIZE", ["pageSize"], '; did you mean "pageSize"?'),
        ("page-size", ["pageSize", "page"], '; did you mean "pageSize"?'),
        ("zzz", ["title", "name"], ""),
        ("title", [], ""),
        ("", ["title"], ""),
    ],
)
def test_the_nearest_name_is_suggested(wrong, known, expected):
    assert nearest(wrong, known) == expected


def test_a_name_is_compared_only_up_to_a_length():
    assert nearest("a" * 64, ["a" * 63]) != ""
    assert nearest("a" * 65, ["a" * 64]) == ""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("int64_value", "int64Value"),
        ("int64Value", "int64Value"),
        ("renamed", "otherName"),
        ("price.currency_code", "price.currencyCode"),
        ("child.child.field_3_name", "child.child.field3Name"),
        ("lines[0].sku", "lines[0].sku"),
        ("lines_by_number[1].sku", "linesByNumber[1].sku"),
        ('labels["a_b.c_d"]', 'labels["a_b.c_d"]'),
        ('labels["a\\"].b"]', 'labels["a\\"].b"]'),
        ("children[3].int64_value", "children[3].int64Value"),
        ("no_such.field_there", "no_such.field_there"),
        ("text.no_such", "text.no_such"),
        ("", ""),
    ],
)
def test_a_proto_path_becomes_a_json_path(path, expected, everything):
    assert json_path(path, everything) == expected

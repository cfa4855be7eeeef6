"""The document describes what the gateway does: by its schema, by the router, and by trying it."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource

from plait.gateway import contracts as gateway_contracts
from plait.gateway.rest.openapi import document
from tests.gateway.live import live

ROOT = Path(__file__).parents[3]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
    "missing_required_header",
)


@pytest.fixture(scope="module")
def api(library):
    return document(library, title="The library", version="1.2")


@pytest.fixture
async def shop(library, message_class, tmp_path):
    async with live(library, message_class, tmp_path) as running:
        yield running


def operation(api, name: str):
    found = [
        (path, verb, each)
        for path, item in api["paths"].items()
        for verb, each in item.items()
        if each["operationId"] == name
    ]
    assert len(found) == 1, f"{name} is there {len(found)} times"
    return found[0]


def test_it_validates_against_the_official_schema(api):
    OpenAPIV31SpecValidator(api).validate()


def test_the_shops_own_document_validates_too():
    contracts = gateway_contracts.load(
        (ROOT / "gen" / "contracts.binpb").read_bytes(), ["shop.catalog.v1.CatalogService"]
    )

    api = document(contracts, title="The shop", version="1")

    OpenAPIV31SpecValidator(api).validate()
    product = api["components"]["schemas"]["Product"]
    assert product["properties"]["createTime"]["readOnly"] is True
    assert operation(api, "CatalogService_GetProduct")[0] == "/v1/products/{product}"


def test_every_rule_that_openapi_can_say_is_there(api, library):
    known = {"GET", "PUT", "POST", "DELETE", "PATCH"}
    websocket = "GET /v1/chat:connect"
    rules = [
        rule
        for method in library.methods
        for rule in method.rules
        if rule.verb in known and str(rule) != websocket
    ]

    assert sum(len(item) for item in api["paths"].values()) == len(rules)


def test_what_needs_a_websocket_is_not_described(api):
    assert "/v1/chat" in api["paths"]
    assert "/v1/chat:connect" not in api["paths"]


def test_what_is_not_shown_outside_is_not_described(api):
    text = json.dumps(api)

    assert "Reindex" not in text
    assert "GetSecret" not in text


def test_services_are_tags_with_their_comments(api):
    assert api["tags"][0] == {
        "name": "LibraryService",
        "description": "Books on shelves.\n\nA second paragraph.",
    }


def test_comments_are_summary_and_description(api):
    _, _, get = operation(api, "LibraryService_GetBook")

    assert get["summary"] == "Reads a book."
    assert get["description"] == "Reads a book.\n\nFails with NOT_FOUND if there is none."


def test_the_success_status_is_that_of_the_contract(api):
    for name, status in (("Create", "201"), ("Delete", "204"), ("Archive", "202"), ("Get", "200")):
        responses = operation(api, f"LibraryService_{name}Book")[2]["responses"]

        assert [code for code in responses if code.startswith("2")] == [status]
    created = operation(api, "LibraryService_CreateBook")[2]["responses"]["201"]
    assert "Location" in created["headers"]


def test_access_is_security(api):
    def security(name: str):
        return operation(api, f"LibraryService_{name}")[2]["security"]

    assert security("GetBook") == []
    assert security("CreateBook") == [{"bearer": []}]
    assert security("UpdateBook") == [{"bearer": ["librarian"]}]


def test_a_method_that_goes_away_is_deprecated_and_says_what_to_use(api):
    _, _, search = operation(api, "LibraryService_SearchBooks")

    assert search["deprecated"] is True
    assert "Use instead: ListBooks" in search["description"]
    assert "2027-01-01" in search["description"]


def test_additional_bindings_have_operations_of_their_own(api):
    assert operation(api, "LibraryService_SearchBooks_2")[:2] == ("/v1/books:search", "post")


def test_errors_are_described_in_both_forms(api):
    error = api["components"]["responses"]["Error"]["content"]

    assert set(error) == {"application/json", "application/problem+json"}
    for responses in (op["responses"] for item in api["paths"].values() for op in item.values()):
        assert responses["default"] == {"$ref": "#/components/responses/Error"}


async def test_errors_are_as_they_are_described(api, shop):
    for accept, name in (("application/json", "Error"), ("application/problem+json", "Problem")):
        answer = await shop.client.get("/v1/shelves/s1/books/b9", headers={"accept": accept})

        valid(api, {"$ref": f"#/components/schemas/{name}"}, answer.json())


async def test_the_items_of_streams_are_as_they_are_described(api, shop):
    for path, name in (("books:watch", "WatchBooks"), ("books:export", "ExportBooks")):
        content = operation(api, f"LibraryService_{name}")[2]["responses"]["200"]["content"]
        assert list(content) == ["application/x-ndjson", "application/json", "text/event-stream"]

        lines = await shop.client.get(f"/v1/shelves/s1/{path}")
        array = await shop.client.get(
            f"/v1/shelves/s1/{path}", headers={"accept": "application/json"}
        )

        for line in lines.text.splitlines():
            valid(api, content["application/x-ndjson"]["schema"], json.loads(line))
        valid(api, content["application/json"]["schema"], array.json())


def valid(api, schema, value) -> None:
    """Check a value against a schema of the document."""
    resource = Resource.from_contents(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **api}
    )
    registry = Registry().with_resource("api:", resource)
    wanted = json.loads(json.dumps(schema).replace('"#/', '"api:#/'))
    Draft202012Validator(wanted, registry=registry).validate(value)


async def tried(shop, *arguments: str) -> tuple[int | None, str]:
    """Let schemathesis try the live gateway in a process of its own."""
    token = shop.keys.user_token(roles=["librarian"])
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"http://127.0.0.1:{shop.port}/openapi.json",
        f"--header=Authorization: Bearer {token}",
        f"--checks={','.join(CHECKS)}",
        "--generation-deterministic",
        "--suppress-health-check=all",
        "--warnings=off",
        "--no-color",
        *arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=shop.keys.user_jwks.parent,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.gateway.rest.schemathesis_hooks",
        },
    )
    try:
        async with asyncio.timeout(240):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, said.decode()


@pytest.mark.slow
async def test_schemathesis_finds_no_mismatch_in_the_library(shop):
    code, said = await tried(
        shop,
        "--phases=coverage,fuzzing",
        "--max-examples=8",
        "--include-operation-id-regex=Library",
    )

    assert code == 0, said


@pytest.mark.slow
async def test_schemathesis_finds_no_mismatch_in_messages_of_every_kind(shop):
    code, said = await tried(
        shop, "--phases=fuzzing", "--max-examples=3", "--include-operation-id-regex=Everything"
    )

    assert code == 0, said

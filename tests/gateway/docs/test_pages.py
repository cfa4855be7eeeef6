"""The gateway's own pages: what it says about itself, and how."""

import json
import re

import pytest

from plait.gateway.docs.pages import Pages
from plait.gateway.edge.http import Request
from plait.gateway.errors import MethodNotAllowed


@pytest.fixture
def pages(library):
    return Pages(library, title="The library", version="1.2")


def asked(path: str, verb: str = "GET", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(verb=verb, path=path.encode(), query="", headers=named, body=None)


def test_other_paths_are_not_its_own(pages):
    assert pages.page(asked("/v1/books")) is None
    assert pages.page(asked("/docs/../secret")) is None


def test_the_document_is_json_and_thereby_yaml(pages):
    as_json, as_yaml = pages.page(asked("/openapi.json")), pages.page(asked("/openapi.yaml"))

    assert json.loads(as_json.body)["info"]["version"] == "1.2"
    assert as_yaml.body == as_json.body


def test_health_follows_draining(pages):
    assert pages.page(asked("/healthz")).status == 200

    pages.draining = True

    assert pages.page(asked("/healthz")).status == 503
    assert pages.page(asked("/livez")).status == 200


def test_everything_that_the_page_names_is_there(pages):
    html = pages.page(asked("/docs")).body.decode()
    names = re.findall(r'(?:src|href)="([^"#]+)"', html)

    assert "docs/docs.js" in names
    for name in names:
        assert pages.page(asked(f"/{name}")).status == 200


def test_every_module_that_a_script_imports_is_there(pages):
    script = pages.page(asked("/docs/docs.js")).body.decode()
    modules = re.findall(r'from "\./([^"]+)"', script)

    assert len(modules) == 3
    for module in modules:
        answer = pages.page(asked(f"/docs/{module}"))
        assert dict(answer.headers)["content-type"] == "text/javascript; charset=utf-8"


def test_no_script_writes_html(pages):
    for name in ("docs.js", "dom.js", "schema.js", "call.js"):
        script = pages.page(asked(f"/docs/{name}")).body.decode()

        assert "innerHTML" not in script
        assert "eval(" not in script


def test_what_a_client_has_already_is_not_sent_again(pages):
    tag = dict(pages.page(asked("/docs")).headers)["etag"]

    assert pages.page(asked("/docs", if_none_match=tag)).status == 304
    assert pages.page(asked("/docs", if_none_match='"other"')).status == 200


def test_pages_are_only_read(pages):
    assert pages.page(asked("/docs", "HEAD")).status == 200
    with pytest.raises(MethodNotAllowed) as refused:
        pages.page(asked("/docs", "DELETE"))

    assert refused.value.allow == ("GET", "HEAD", "OPTIONS")

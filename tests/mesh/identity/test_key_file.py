"""Promises of keys in a file: read when it has changed, and only if it can be believed."""

import json

import pytest
from joserfc.jwk import OKPKey

from plait.mesh.identity.key_file import MAX_FILE, KeyFile
from plait.testing import write_jwks


def made():
    return OKPKey.generate_key("Ed25519", auto_kid=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


async def test_all_keys_are_read(path):
    one, other = made(), made()
    write_jwks(path, [one, other])

    assert set(await KeyFile(path).read()) == {one.kid, other.kid}


async def test_a_file_that_has_not_changed_is_not_read_again(path):
    write_jwks(path, [made()])
    file = KeyFile(path)
    await file.read()

    assert await file.read() is None


async def test_a_file_that_was_replaced_is_read_again(path):
    new = made()
    write_jwks(path, [made()])
    file = KeyFile(path)
    await file.read()

    write_jwks(path, [new])

    assert set(await file.read()) == {new.kid}


async def test_a_missing_file_is_an_error_each_time(path):
    file = KeyFile(path)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            await file.read()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        '{"keys": 5}',
        '{"keys": [5]}',
        '{"keyz": []}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "!"}]}',
        "x" * (MAX_FILE + 1),
    ],
)
async def test_a_broken_file_is_an_error_each_time(path, content):
    path.write_text(content)
    file = KeyFile(path)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"expected|broken|larger"):
            await file.read()


async def test_a_file_of_the_largest_size_is_read(path):
    key = made()
    entry = key.as_dict(private=False)
    empty = json.dumps({"keys": [entry], "pad": ""})
    path.write_text(json.dumps({"keys": [entry], "pad": "x" * (MAX_FILE - len(empty))}))

    assert path.stat().st_size == MAX_FILE
    assert set(await KeyFile(path).read()) == {key.kid}


def test_it_is_called_by_its_path(path):
    assert str(KeyFile(path)) == str(path)

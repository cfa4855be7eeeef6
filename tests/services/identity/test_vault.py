"""What the secret protects."""

import pytest

from services.identity.vault import ONE_TIME, REFRESH, SealBroken, Vault, new_token
from tests.services.identity.people import SECRET, VAULT

OTHER = Vault(SECRET.upper().encode())


def test_what_is_sealed_can_be_opened_with_the_same_secret():
    sealed = VAULT.seal(b"private", "kid")

    assert Vault(SECRET.encode()).open(sealed, "kid") == b"private"
    assert b"private" not in sealed


def test_the_same_content_is_sealed_differently_each_time():
    assert VAULT.seal(b"private", "kid") != VAULT.seal(b"private", "kid")


def test_another_secret_another_matter_and_a_changed_byte_open_nothing():
    sealed = VAULT.seal(b"private", "kid")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])

    for vault, content, about in (
        (OTHER, sealed, "kid"),
        (VAULT, sealed, "another"),
        (VAULT, changed, "kid"),
        (VAULT, sealed[:12], "kid"),
        (VAULT, b"", "kid"),
    ):
        with pytest.raises(SealBroken):
            vault.open(content, about)


@pytest.mark.parametrize(("size", "fits"), [(31, False), (32, True), (33, True)])
def test_a_secret_has_at_least_thirty_two_bytes(size, fits):
    if fits:
        assert Vault(b"x" * size).digest(REFRESH, "t")
    else:
        with pytest.raises(ValueError, match="at least 32 bytes"):
            Vault(b"x" * size)


def test_a_digest_belongs_to_one_purpose_and_one_secret():
    digests = {
        VAULT.digest(REFRESH, "token"),
        VAULT.digest(ONE_TIME, "token"),
        OTHER.digest(REFRESH, "token"),
        VAULT.digest(REFRESH, "other"),
    }

    assert len(digests) == 4
    assert VAULT.digest(REFRESH, "token") == Vault(SECRET.encode()).digest(REFRESH, "token")
    assert {len(digest) for digest in digests} == {64}


def test_a_letters_token_is_always_the_same_and_nobody_elses():
    token = VAULT.one_time_token("l1")

    assert token == Vault(SECRET.encode()).one_time_token("l1")
    assert len({token, VAULT.one_time_token("l2"), OTHER.one_time_token("l1")}) == 3
    assert len(token) == 43


def test_a_subject_tells_nothing_and_does_not_depend_on_how_its_parts_meet():
    subject = VAULT.subject("log-ins", "ann@example.org", "198.51.100.1")

    assert len(subject) == 32
    assert "ann" not in subject
    assert subject != VAULT.subject("log-ins", "ann@example.org198.51.100.1")
    assert subject != VAULT.subject("resets", "ann@example.org", "198.51.100.1")
    assert VAULT.subject("log-ins", "\ud800")


def test_a_fingerprint_cannot_be_made_without_the_secret():
    assert VAULT.fingerprint(b"request") != OTHER.fingerprint(b"request")
    assert VAULT.fingerprint(b"request") != b"request"


def test_a_vault_shows_nothing_of_its_secret():
    assert SECRET not in repr(VAULT)
    assert repr(VAULT) == "Vault()"


def test_new_tokens_are_256_random_bits():
    tokens = {new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}

import asyncio
from datetime import timedelta

import pytest
from google.protobuf import wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from plait.data.claims import (
    CLAIM_LIFETIME,
    Claim,
    RequestIdReused,
    answered,
    fingerprint,
    purge,
)
from plait.errors import Code
from shop.catalog.v1 import catalog_pb2

ADD = text("INSERT INTO things (name) VALUES (:name)")


def claim(**other):
    given = {"caller": "users/u", "method": "Create", "request_id": "r1", "fingerprint": b"f"}
    return Claim(**given | other)


async def create(database, claim, answer=b"answer", *, concurrent=False):
    """A command: answers what it answered first, and makes a thing only once."""
    async with database.transaction(concurrent=concurrent) as tx:
        if (first := await tx.claim(claim)) is not None:
            return first
        await tx.execute(
            ADD, {"name": f"{claim.caller}-{claim.method}-{claim.request_id}-{answer}"}
        )
        await tx.answer(claim, answer)
        return answer


async def count(database, table):
    async with database.snapshot() as tx:
        return (await tx.execute(text(f"SELECT count(*) AS n FROM {table}"))).first().n


async def test_a_repeated_request_gets_the_first_answer_and_has_no_effect(database):
    assert await create(database, claim(), b"first") == b"first"
    assert await create(database, claim(), b"second") == b"first"

    assert await count(database, "things") == 1


async def looked_up(database, claim, now):
    async with database.snapshot() as tx:
        return await answered(tx, claim, now)


async def test_who_looks_before_the_work_sees_the_first_answer_and_claims_nothing(database, clock):
    assert await looked_up(database, claim(), clock.now()) is None
    assert await create(database, claim(), b"first") == b"first"

    assert await looked_up(database, claim(), clock.now()) == b"first"
    assert await looked_up(database, claim(request_id="r2"), clock.now()) is None
    with pytest.raises(RequestIdReused):
        await looked_up(database, claim(fingerprint=b"g"), clock.now())


@pytest.mark.parametrize(
    ("early", "found"), [(timedelta(microseconds=1), b"a"), (timedelta(0), None)]
)
async def test_an_answer_that_has_expired_is_not_seen(database, clock, early, found):
    await create(database, claim(), b"a")

    assert await looked_up(database, claim(), clock.now() + CLAIM_LIFETIME - early) == found


async def test_an_empty_answer_is_an_answer(database):
    await create(database, claim(), b"")

    assert await create(database, claim(), b"second") == b""


@pytest.mark.parametrize("concurrent", [False, True])
async def test_repetitions_at_the_same_time_have_one_effect(open_database, concurrent):
    database, replica = open_database(), open_database()

    answers = await asyncio.gather(
        *(
            create(where, claim(), f"{where}{n}".encode(), concurrent=concurrent)
            for n in range(5)
            for where in (database, replica)
        )
    )

    assert len(set(answers)) == 1
    assert await count(database, "things") == 1


async def test_the_same_id_with_another_request_is_refused(database):
    await create(database, claim())

    with pytest.raises(RequestIdReused) as caught:
        await create(database, claim(fingerprint=b"other"))

    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.reason == "REQUEST_ID_REUSED"
    assert await create(database, claim()) == b"answer"


@pytest.mark.parametrize(
    "other", [{"caller": "users/v"}, {"method": "Delete"}, {"request_id": "r2"}]
)
async def test_another_caller_method_or_id_is_another_claim(database, other):
    await create(database, claim(), b"first")

    assert await create(database, claim(**other), b"second") == b"second"


async def test_a_command_that_failed_can_be_sent_again_with_its_id(database):
    async def fail():
        async with database.transaction() as tx:
            await tx.claim(claim())
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await create(database, claim(), b"second try") == b"second try"


@pytest.mark.parametrize(
    ("age", "answer"),
    [
        (CLAIM_LIFETIME - timedelta(microseconds=1), b"first"),
        (CLAIM_LIFETIME, b"second"),
        (CLAIM_LIFETIME + timedelta(microseconds=1), b"second"),
    ],
)
async def test_a_claim_is_kept_for_its_lifetime(database, clock, age, answer):
    await create(database, claim(), b"first")

    clock.move(age)

    assert await create(database, claim(), b"second") == answer
    assert await create(database, claim(), b"third") == answer


async def test_an_expired_id_may_come_with_another_request(database, clock):
    await create(database, claim(), b"first")

    clock.move(CLAIM_LIFETIME)

    assert await create(database, claim(fingerprint=b"other"), b"second") == b"second"


async def test_new_claims_remove_expired_ones(database, clock):
    for number in range(15):
        await create(database, claim(request_id=f"old{number}"))
    clock.move(CLAIM_LIFETIME)

    await create(database, claim(request_id="new1"))
    assert await count(database, "claims") == 15 - 10 + 1

    await create(database, claim(request_id="new2"))
    assert await count(database, "claims") == 2


async def test_new_claims_at_the_same_time_do_not_wait_for_each_others_expired_ones(
    open_database, clock
):
    """Each takes over an expired claim, and removes those that others take over."""
    database, replica = open_database(), open_database()
    for number in range(20):
        await create(database, claim(request_id=f"old{number}"))
    clock.move(CLAIM_LIFETIME)

    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            where = (database, replica)[number % 2]
            again = claim(request_id=f"old{number}")
            tasks.create_task(create(where, again, b"second", concurrent=True))

    for number in range(20):
        assert await create(database, claim(request_id=f"old{number}"), b"third") == b"second"


async def test_purging_removes_the_oldest_expired_claims_and_no_others(database, clock):
    for number in range(3):
        await create(database, claim(request_id=f"old{number}"))
        clock.move(timedelta(seconds=1))
    clock.move(CLAIM_LIFETIME - timedelta(seconds=2))

    async with database.transaction() as tx:
        removed = await purge(tx, clock, limit=1)
        more = await purge(tx, clock, limit=10)

    assert (removed, more) == (1, 1)
    async with database.snapshot() as tx:
        kept = [row.request_id for row in await tx.execute(text("SELECT request_id FROM claims"))]
    assert kept == ["old2"]


def request(**fields):
    return catalog_pb2.CreateProductRequest(
        product=catalog_pb2.Product(title="Chess", tags=["new", "wood"]), **fields
    )


def test_a_fingerprint_leaves_the_request_id_out():
    assert fingerprint(request(request_id="1")) == fingerprint(request(request_id="2"))


def test_a_fingerprint_tells_requests_apart():
    different = {
        fingerprint(request()),
        fingerprint(request(product_id="p")),
        fingerprint(catalog_pb2.CreateProductRequest()),
        fingerprint(wrappers_pb2.StringValue(value="")),
        fingerprint(wrappers_pb2.BytesValue(value=b"")),
    }

    assert len(different) == 5


def test_taking_a_fingerprint_leaves_the_request_as_it_was():
    kept = request(request_id="1")

    fingerprint(kept)

    assert kept.request_id == "1"


@given(st.binary(max_size=40))
def test_equal_requests_have_equal_fingerprints(value):
    message = wrappers_pb2.BytesValue(value=value)

    assert fingerprint(message) == fingerprint(wrappers_pb2.BytesValue(value=value))

"""Log-ins, sessions and passwords as the contract has them, by a real server and channel."""

from datetime import timedelta

import pytest

from plait.errors import Error, InvalidArgument, ResourceExhausted, Unauthenticated
from services.identity.hashing import Hasher
from shop.identity.v1 import identity_pb2 as pb
from tests.services.identity.people import GOOD, OTHER
from tests.services.identity.shop import CHEAP, ELSEWHERE, HOME, running

ANN = "ann@example.org"


async def refused(call):
    """What a call fails with."""
    with pytest.raises(Error) as caught:
        await call
    return caught.value


async def log_out(shop, token, *, everywhere=False):
    await shop.nobody.LogOut(pb.LogOutRequest(refresh_token=token, everywhere=everywhere))


async def ask_reset(shop, email=ANN, at=HOME):
    await shop.nobody.RequestPasswordReset(
        pb.RequestPasswordResetRequest(email=email), metadata=shop.at(at)
    )


async def reset(shop, token, password=OTHER, at=HOME):
    await shop.nobody.ResetPassword(
        pb.ResetPasswordRequest(token=token, new_password=password), metadata=shop.at(at)
    )


async def reset_token(shop):
    """A token for a new password, out of the letter that Ann gets."""
    await ask_reset(shop)
    await shop.identity.delivery.deliver()
    return shop.mail.token(ANN)


# LogIn


async def test_a_log_in_opens_a_session_with_two_tokens(shop):
    ann = await shop.sign_up()

    session = await shop.log_in()

    now = shop.clock.now().replace(tzinfo=None)
    assert (session.user, session.name[:9]) == (ann.name, "sessions/")
    assert session.create_time.ToDatetime() == now
    assert session.access_token_expire_time.ToDatetime() == (
        now.replace(microsecond=0) + timedelta(minutes=15)
    )
    assert session.refresh_token_expire_time.ToDatetime() == now + timedelta(days=30)
    assert len(session.refresh_token) == 43
    assert session.access_token.count(".") == 2


@pytest.mark.parametrize("email", ["ann@example.org", "Ann@Example.ORG"])
async def test_the_case_of_an_address_does_not_matter_and_that_of_a_password_does(shop, email):
    await shop.sign_up()

    assert await shop.nobody.LogIn(pb.LogInRequest(email=email, password=GOOD))
    wrong = pb.LogInRequest(email=email, password=GOOD.upper())
    assert await shop.reason(shop.nobody.LogIn(wrong)) == "WRONG_CREDENTIALS"


async def test_each_log_in_opens_another_session(shop):
    await shop.sign_up()

    one, other = await shop.log_in(), await shop.log_in()

    assert one.name != other.name
    assert one.refresh_token != other.refresh_token


async def test_an_unknown_user_and_a_wrong_password_cannot_be_told_apart(shop):
    await shop.sign_up()

    unknown = await refused(shop.log_in("nobody"))
    wrong = await refused(shop.log_in(password="another password"))

    for error in (unknown, wrong):
        assert isinstance(error, Unauthenticated)
        assert error.reason == "WRONG_CREDENTIALS"
    assert unknown.message == wrong.message
    assert unknown.metadata == wrong.metadata
    assert (unknown.resource, unknown.violations) == (wrong.resource, wrong.violations)


async def test_an_unknown_user_costs_the_same_statements_and_the_same_hash(shop, monkeypatch):
    await shop.sign_up()
    for who in ("ann", "nobody"):
        await shop.fail(1, who)
    work = {"ann": [], "nobody": []}
    real_hash = Hasher.matches
    current = ""

    async def matches(self, kept, password):
        work[current].append("hash")
        return await real_hash(self, kept, password)

    monkeypatch.setattr(Hasher, "matches", matches)
    for kind in ("transaction", "snapshot"):
        real = getattr(shop.database, kind)

        def noted(kind=kind, real=real, **options):
            work[current].append(kind)
            return real(**options)

        monkeypatch.setattr(shop.database, kind, noted)

    for who in ("ann", "nobody"):
        current = who
        await shop.fail(5, who)

    assert work["ann"] == work["nobody"]
    assert work["ann"].count("hash") == 4


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"email": ""}, "email"),
        ({"password": ""}, "password"),
        ({"email": "a" * 255}, "email"),
        ({"password": "a" * 201}, "password"),
    ],
)
async def test_what_is_said_at_a_log_in_has_bounds(shop, fields, named):
    request = pb.LogInRequest(**({"email": ANN, "password": GOOD} | fields))

    error = await refused(shop.nobody.LogIn(request))

    assert isinstance(error, InvalidArgument)
    assert [violation.field for violation in error.violations] == [named]


@pytest.mark.parametrize("email", ["no address", "a" * 254, "ann@example.org'--", "é@ü.org"])
async def test_whatever_is_no_address_belongs_to_nobody(shop, email):
    request = pb.LogInRequest(email=email, password=GOOD)

    assert await shop.reason(shop.nobody.LogIn(request)) == "WRONG_CREDENTIALS"


async def test_a_hash_with_old_parameters_is_made_anew_at_the_next_log_in(database, clock):
    async with running(database, clock) as shop:
        await shop.sign_up()
    newer = Hasher(threads=1)
    async with running(database, clock, newer) as shop:
        before = (await shop.identity.store.sessions.credentials(ANN)).password_hash
        await shop.fail(1)
        still = (await shop.identity.store.sessions.credentials(ANN)).password_hash
        await shop.log_in()
        after = (await shop.identity.store.sessions.credentials(ANN)).password_hash
        await shop.log_in()

    assert before == still != after
    assert (newer.is_old(before), newer.is_old(after)) == (True, False)


# Lock-out


@pytest.mark.parametrize("who", ["ann", "nobody"])
async def test_after_five_failures_the_address_waits_longer_each_time(shop, who):
    await shop.sign_up()
    assert await shop.fail(5, who) == ["WRONG_CREDENTIALS"] * 5

    waits = []
    for _ in range(7):
        error = await refused(shop.log_in(who))
        assert isinstance(error, ResourceExhausted)
        assert error.reason == "TOO_MANY_ATTEMPTS"
        waits.append(error.retry_after)
        shop.clock.advance(error.retry_after)
        assert await shop.fail(1, who) == ["WRONG_CREDENTIALS"]

    assert waits == [30, 60, 120, 240, 480, 900, 900]


async def test_the_right_password_has_to_wait_too_until_the_wait_is_over(shop):
    await shop.sign_up()
    await shop.fail(5)

    shop.clock.advance(29.9)
    assert await shop.reason(shop.log_in()) == "TOO_MANY_ATTEMPTS"
    shop.clock.advance(0.1)
    assert (await shop.log_in()).refresh_token


async def test_to_ask_again_while_one_waits_makes_nobody_wait_longer(shop):
    await shop.sign_up()
    await shop.fail(5)

    assert await shop.fail(50) == ["TOO_MANY_ATTEMPTS"] * 50

    shop.clock.advance(30)
    assert (await shop.log_in()).refresh_token


async def test_a_success_clears_the_failures_of_an_address(shop):
    await shop.sign_up()
    await shop.fail(4)
    await shop.log_in()

    assert await shop.fail(5) == ["WRONG_CREDENTIALS"] * 5
    assert await shop.reason(shop.log_in()) == "TOO_MANY_ATTEMPTS"


async def test_failures_at_one_place_do_not_keep_the_owner_out_elsewhere(shop):
    await shop.sign_up()
    await shop.fail(5, at=ELSEWHERE)

    assert await shop.reason(shop.log_in(at=ELSEWHERE)) == "TOO_MANY_ATTEMPTS"
    assert (await shop.log_in(at=HOME)).refresh_token


@pytest.mark.parametrize("who", ["ann", "nobody"])
async def test_failures_at_many_places_count_for_the_address_and_wait_a_minute_at_most(shop, who):
    await shop.sign_up()
    places = (f"203.0.113.{number}" for number in range(200))
    for place in (next(places) for _ in range(20)):
        assert await shop.fail(1, who, at=place) == ["WRONG_CREDENTIALS"]

    waits = []
    for place in (next(places) for _ in range(5)):
        waits.append((await refused(shop.log_in(who, at=HOME))).retry_after)
        shop.clock.advance(waits[-1])
        await shop.fail(1, who, at=place)

    assert waits == [10, 20, 40, 60, 60]


async def test_failures_for_many_addresses_count_for_their_place(shop):
    await shop.sign_up()
    for number in range(50):
        assert await shop.fail(1, f"u{number}", at=ELSEWHERE) == ["WRONG_CREDENTIALS"]

    assert await shop.reason(shop.log_in(at=ELSEWHERE)) == "TOO_MANY_ATTEMPTS"
    assert (await shop.log_in(at=HOME)).refresh_token


async def test_a_success_does_not_clear_its_place_and_is_not_counted_there(shop):
    await shop.sign_up()
    for number in range(49):
        await shop.fail(1, f"u{number}", at=ELSEWHERE)
    for _ in range(5):
        await shop.log_in(at=ELSEWHERE)

    assert await shop.fail(1, "last", at=ELSEWHERE) == ["WRONG_CREDENTIALS"]
    assert await shop.reason(shop.log_in(at=ELSEWHERE)) == "TOO_MANY_ATTEMPTS"


async def test_a_network_of_ipv6_is_one_place(shop):
    await shop.sign_up()
    for number in range(5):
        await shop.fail(1, at=f"2001:db8:1:2::{number}")

    assert await shop.reason(shop.log_in(at="2001:db8:1:2:ffff::9")) == "TOO_MANY_ATTEMPTS"
    assert (await shop.log_in(at="2001:db8:1:3::1")).refresh_token


async def test_a_restart_forgets_no_failure(database, clock):
    async with running(database, clock) as shop:
        await shop.sign_up()
        await shop.fail(5)
    async with running(database, clock) as shop:
        assert await shop.reason(shop.log_in()) == "TOO_MANY_ATTEMPTS"


@pytest.mark.parametrize(("who", "resource"), [("ann", "users/new0001"), ("nobody", "")])
async def test_a_failure_that_locks_is_kept_in_the_audit(shop, who, resource):
    await shop.sign_up()
    await shop.fail(4, who)
    assert await shop.events() == []

    await shop.fail(3, who)

    [event] = await shop.events()
    assert event.method == "shop.identity.v1.IdentityService/LogIn"
    assert (event.actor, event.resource, event.status) == ("", resource, "UNAUTHENTICATED")
    assert event.client_address == HOME


async def test_a_log_in_that_succeeds_is_not_kept_in_the_audit(shop):
    await shop.sign_up()
    await shop.fail(4)
    await shop.log_in()

    assert await shop.events() == []


# RefreshSession


async def test_a_session_goes_on_with_the_roles_of_now(shop):
    ann = await shop.sign_up()
    first = await shop.log_in()
    await shop.admin.GrantRole(pb.GrantRoleRequest(name=ann.name, role="agent"))
    shop.clock.advance(60)

    second = await shop.refresh(first.refresh_token)

    assert (second.name, second.user) == (first.name, first.user)
    assert second.create_time == first.create_time
    assert second.access_token != first.access_token
    assert second.refresh_token != first.refresh_token
    passed = second.refresh_token_expire_time.ToDatetime() - (
        first.refresh_token_expire_time.ToDatetime()
    )
    assert passed == timedelta(minutes=1)


@pytest.mark.parametrize("token", ["unknown", "x" * 512])
async def test_an_unknown_refresh_token_is_refused(shop, token):
    error = await refused(shop.refresh(token))

    assert isinstance(error, Unauthenticated)
    assert error.reason == "REFRESH_TOKEN_INVALID"


@pytest.mark.parametrize(("days", "reason"), [(29.9, ""), (30, "REFRESH_TOKEN_INVALID")])
async def test_a_refresh_token_works_for_thirty_days(shop, days, reason):
    await shop.sign_up()
    session = await shop.log_in()
    shop.clock.advance(days * 86400)

    assert await shop.reason(shop.refresh(session.refresh_token)) == reason


async def test_a_session_ends_when_somebody_uses_an_older_token(shop):
    ann = await shop.sign_up()
    first, other = await shop.log_in(), await shop.log_in()
    second = await shop.refresh(first.refresh_token)

    assert await shop.reason(shop.refresh(first.refresh_token)) == "REFRESH_TOKEN_REUSED"

    assert await shop.reason(shop.refresh(second.refresh_token)) == "REFRESH_TOKEN_INVALID"
    assert await shop.reason(shop.refresh(first.refresh_token)) == "REFRESH_TOKEN_INVALID"
    assert await shop.reason(shop.refresh(other.refresh_token)) == ""
    [event] = await shop.events()
    assert event.method == "shop.identity.v1.IdentityService/RefreshSession"
    assert (event.resource, event.status) == (ann.name, "UNAUTHENTICATED")


# LogOut


async def test_a_log_out_ends_one_session_and_can_be_repeated(shop):
    await shop.sign_up()
    one, other = await shop.log_in(), await shop.log_in()

    for _ in range(2):
        await log_out(shop, one.refresh_token)

    assert await shop.reason(shop.refresh(one.refresh_token)) == "REFRESH_TOKEN_INVALID"
    assert await shop.reason(shop.refresh(other.refresh_token)) == ""


async def test_a_log_out_everywhere_ends_all_sessions_of_the_user(shop):
    await shop.sign_up("ann")
    await shop.sign_up("bea")
    one, other = await shop.log_in("ann"), await shop.log_in("ann")
    bea = await shop.log_in("bea")

    await log_out(shop, one.refresh_token, everywhere=True)

    assert await shop.reason(shop.refresh(other.refresh_token)) == "REFRESH_TOKEN_INVALID"
    assert await shop.reason(shop.refresh(bea.refresh_token)) == ""


async def test_a_log_out_succeeds_for_whatever_token(shop):
    await shop.sign_up()
    session = await shop.log_in()
    following = await shop.refresh(session.refresh_token)
    expired = await shop.log_in()
    shop.clock.advance(31 * 86400)

    for token in ("unknown", session.refresh_token, following.refresh_token, expired.refresh_token):
        await log_out(shop, token)
        await log_out(shop, token, everywhere=True)


# VerifyEmail


async def verify(shop, token):
    return await shop.nobody.VerifyEmail(pb.VerifyEmailRequest(token=token))


async def test_an_address_is_verified_by_the_letter_and_again(shop):
    ann = await shop.sign_up()
    await shop.identity.delivery.deliver()
    token = shop.mail.token(ANN)
    shop.clock.advance(60)

    first, again = await verify(shop, token), await verify(shop, token)

    assert (first.name, first.email_verified) == (ann.name, True)
    assert first == again
    assert first.etag != ann.etag


@pytest.mark.parametrize(("hours", "reason"), [(23.9, ""), (24, "ONE_TIME_TOKEN_INVALID")])
async def test_a_token_verifies_for_a_day(shop, hours, reason):
    await shop.sign_up()
    await shop.identity.delivery.deliver()
    shop.clock.advance(hours * 3600)

    assert await shop.reason(verify(shop, shop.mail.token(ANN))) == reason


async def test_an_unknown_token_verifies_nothing(shop):
    error = await refused(verify(shop, "unknown"))

    assert isinstance(error, InvalidArgument)
    assert error.reason == "ONE_TIME_TOKEN_INVALID"


# RequestPasswordReset, ResetPassword


async def test_a_new_password_takes_the_place_of_the_old_one_and_ends_all_sessions(shop):
    ann = await shop.sign_up()
    session = await shop.log_in()

    await reset(shop, await reset_token(shop))

    assert await shop.reason(shop.log_in()) == "WRONG_CREDENTIALS"
    assert (await shop.log_in(password=OTHER)).user == ann.name
    assert await shop.reason(shop.refresh(session.refresh_token)) == "REFRESH_TOKEN_INVALID"
    assert (await shop.admin.GetUser(pb.GetUserRequest(name=ann.name))).email_verified


async def test_a_token_sets_one_password(shop):
    await shop.sign_up()
    token = await reset_token(shop)
    await reset(shop, token)

    error = await refused(reset(shop, token, "yet another password"))

    assert isinstance(error, InvalidArgument)
    assert error.reason == "ONE_TIME_TOKEN_INVALID"


@pytest.mark.parametrize(("minutes", "reason"), [(59.9, ""), (60, "ONE_TIME_TOKEN_INVALID")])
async def test_a_token_sets_a_password_for_an_hour(shop, minutes, reason):
    await shop.sign_up()
    token = await reset_token(shop)
    shop.clock.advance(minutes * 60)

    assert await shop.reason(reset(shop, token)) == reason


@pytest.mark.parametrize("token", ["unknown", "x" * 512])
async def test_an_unknown_token_sets_nothing(shop, token):
    assert await shop.reason(reset(shop, token)) == "ONE_TIME_TOKEN_INVALID"


async def test_a_weak_password_is_refused_and_the_token_still_works(shop):
    await shop.sign_up()
    token = await reset_token(shop)

    error = await refused(reset(shop, token, "ann@example1"))
    await reset(shop, token)

    assert isinstance(error, InvalidArgument)
    assert error.reason == "WEAK_PASSWORD"
    assert [violation.field for violation in error.violations] == ["new_password"]
    assert (await shop.log_in(password=OTHER)).refresh_token


async def test_of_two_letters_only_the_later_one_works(shop):
    await shop.sign_up()
    first, second = await reset_token(shop), await reset_token(shop)

    assert first != second
    assert await shop.reason(reset(shop, first)) == "ONE_TIME_TOKEN_INVALID"
    assert await shop.reason(reset(shop, second)) == ""


async def test_a_token_that_verifies_sets_no_password_and_the_other_way_round(shop):
    await shop.sign_up()
    await shop.identity.delivery.deliver()
    verifying = shop.mail.token(ANN)
    resetting = await reset_token(shop)

    assert await shop.reason(reset(shop, verifying)) == "ONE_TIME_TOKEN_INVALID"
    assert await shop.reason(verify(shop, resetting)) == "ONE_TIME_TOKEN_INVALID"


async def test_asking_for_nobody_succeeds_and_sends_nothing(shop):
    await ask_reset(shop, "nobody@example.org")
    await ask_reset(shop, "no address")

    assert await shop.identity.delivery.deliver() == 0
    assert shop.mail.sent == []


async def test_asking_costs_the_same_whether_somebody_has_the_address_or_not(shop, monkeypatch):
    await shop.sign_up()
    statements = {"ann": [], "nobody": []}
    real = shop.database.transaction
    current = ""

    def noted(**options):
        statements[current].append("transaction")
        return real(**options)

    monkeypatch.setattr(shop.database, "transaction", noted)
    monkeypatch.setattr(shop.database, "snapshot", None)  # nothing is looked up
    for who in ("ann", "nobody"):
        current = who
        await ask_reset(shop, f"{who}@example.org")

    assert statements == {"ann": ["transaction"], "nobody": ["transaction"]}


@pytest.mark.parametrize("who", ["ann", "nobody"])
async def test_too_many_letters_for_an_address_have_to_wait(shop, who):
    await shop.sign_up()
    for number in range(3):
        await ask_reset(shop, f"{who}@example.org", f"203.0.113.{number}")

    error = await refused(ask_reset(shop, f"{who}@example.org"))

    assert isinstance(error, ResourceExhausted)
    assert (error.reason, error.retry_after) == ("TOO_MANY_ATTEMPTS", 300)
    shop.clock.advance(300)
    await ask_reset(shop, f"{who}@example.org")


async def test_too_many_letters_from_a_place_have_to_wait(shop):
    for number in range(20):
        await ask_reset(shop, f"u{number}@example.org", ELSEWHERE)

    assert await shop.reason(ask_reset(shop, ANN, ELSEWHERE)) == "TOO_MANY_ATTEMPTS"
    assert await shop.reason(ask_reset(shop, ANN, HOME)) == ""


async def test_who_is_locked_out_gets_in_by_a_new_password(shop):
    await shop.sign_up()
    await shop.fail(5)
    places = [f"203.0.113.{number}" for number in range(20)]
    for place in places:
        await shop.fail(1, at=place)
    assert await shop.reason(shop.log_in()) == "TOO_MANY_ATTEMPTS"

    await reset(shop, await reset_token(shop))

    assert (await shop.log_in(password=OTHER)).refresh_token


async def test_a_new_password_is_kept_in_the_audit(shop):
    ann = await shop.sign_up()

    await reset(shop, await reset_token(shop), at=ELSEWHERE)

    [event] = await shop.events()
    assert event.method == "shop.identity.v1.IdentityService/ResetPassword"
    assert (event.actor, event.resource, event.status) == ("", ann.name, "OK")
    assert event.client_address == ELSEWHERE


async def test_a_password_is_not_looked_at_while_too_many_wait(database, clock):
    hasher = Hasher(threads=1, waiting=0, hasher=CHEAP)
    async with running(database, clock, hasher) as shop:
        await shop.sign_up()
        token = await reset_token(shop)
        hasher._inside = 1
        busy = [await shop.reason(shop.log_in()) for _ in range(9)]
        busy.append(await shop.reason(reset(shop, token)))
        hasher._inside = 0

        assert set(busy) == {"TOO_BUSY"}
        assert (await shop.log_in()).refresh_token
        await reset(shop, token)

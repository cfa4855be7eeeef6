"""Promises of credentials: the user's token goes on, the own workload token goes along."""

import pytest

from plait.mesh.call import Call, Side, handling
from plait.mesh.identity.identity import User
from plait.mesh.identity.workload_tokens import WorkloadTokens
from plait.mesh.interceptors.credentials import credentials
from plait.mesh.method import Method
from plait.testing import FakeClock

METHOD = Method(service="a.B", name="C", client_streaming=False, server_streaming=False)
ANNA = User(name="users/anna", token="annas-token")


@pytest.fixture
def tokens(tmp_path):
    (tmp_path / "catalog").write_text("for-catalog")
    return WorkloadTokens(tmp_path, FakeClock())


async def sent(tokens, *metadata, callee="catalog"):
    call = Call(method=METHOD, side=Side.CLIENT, metadata=list(metadata))
    async with credentials(callee, tokens)(call):
        return call.metadata


async def test_outside_of_a_call_only_the_service_itself_is_known(tokens):
    assert await sent(tokens) == [("x-plait-workload", "for-catalog")]


async def test_the_user_of_the_call_that_is_served_is_known_to_the_callee(tokens):
    with handling(Call(method=METHOD, side=Side.SERVER, user=ANNA)):
        assert await sent(None) == [("authorization", "Bearer annas-token")]


async def test_a_call_that_nobody_made_has_no_user(tokens):
    with handling(Call(method=METHOD, side=Side.SERVER)):
        assert await sent(None) == []


async def test_what_the_caller_sends_itself_is_left_alone(tokens):
    own = [("authorization", "Bearer other"), ("x-plait-workload", "other")]

    with handling(Call(method=METHOD, side=Side.SERVER, user=ANNA)):
        assert await sent(tokens, *own) == own


async def test_without_a_token_for_the_callee_none_is_sent(tokens):
    assert await sent(tokens, callee="payments") == []

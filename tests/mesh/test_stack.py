"""Promises of the two stacks: who stands outside of whom."""

from plait.clock import SystemClock
from plait.mesh.identity.trust import verifier
from plait.mesh.interceptors.audit import audit
from plait.mesh.stack import client_stack, probe_stack, server_stack
from plait.settings import Settings


def concerns(stack):
    return [interceptor.__module__.rpartition(".")[2] for interceptor in stack]


def test_a_server_observes_first_then_answers_then_refuses():
    clock = SystemClock()
    stack = server_stack(
        domain="echo.shop", verifier=verifier(Settings(), "echo", clock), clock=clock
    )

    assert concerns(stack) == [
        "tracing",
        "metrics",
        "logs",
        "status",
        "deadline",
        "authorize",
        "validate",
    ]


def test_the_observers_of_a_service_stand_outside_of_the_status():
    clock = SystemClock()
    stack = server_stack(
        domain="echo.shop",
        verifier=verifier(Settings(), "echo", clock),
        clock=clock,
        observers=[audit(print)],
    )

    assert concerns(stack)[2:5] == ["logs", "audit", "status"]


def test_probes_make_no_noise_and_need_no_token():
    assert concerns(probe_stack(domain="echo.shop", clock=SystemClock())) == ["status", "deadline"]


def test_a_client_observes_first_then_sends():
    stack = client_stack(callee="echo", tokens=None, clock=SystemClock())

    assert concerns(stack) == ["tracing", "metrics", "status", "deadline", "credentials"]

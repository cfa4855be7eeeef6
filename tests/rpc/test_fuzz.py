"""A short run of the fuzzer, and what it has found before."""

import random

import pytest

from tests.rpc.fuzz.mutate import cut, mutated
from tests.rpc.fuzz.run import corpus_of, fuzz
from tests.rpc.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_that_once_broke_a_promise_breaks_it_again(name):
    for data in corpus_of(name):
        TARGETS[name].run(data, random.Random(1))


@pytest.mark.parametrize("name", TARGETS)
def test_thousands_of_bent_inputs_break_no_promise(name):
    fuzz(name, inputs=3000, seed=1)


def test_a_seed_makes_the_same_inputs():
    corpus = [b"hello world", b"another"]

    def made(seed):
        rng = random.Random(seed)
        return [mutated(rng, corpus) for _ in range(50)]

    assert made(1) == made(1) != made(2)
    assert len(set(made(1))) > 40


def test_pieces_are_the_whole():
    assert b"".join(cut(random.Random(1), b"x" * 500)) == b"x" * 500

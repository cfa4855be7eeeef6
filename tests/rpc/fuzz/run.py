"""`python -m tests.rpc.fuzz.run [target] [--inputs N] [--seed N]`: bends inputs until one breaks.

An input that breaks a promise is kept in tests/rpc/corpus, from where the suite tries it from then
on; its target, its seed and its number are printed.
"""

import argparse
import hashlib
import random
import sys
import time
import traceback
from pathlib import Path

from tests.rpc.fuzz.mutate import mutated
from tests.rpc.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent.parent / "corpus"


def corpus_of(name: str) -> list[bytes]:
    """Return the seeds of a target, and what once broke it."""
    kept = sorted((CORPUS / name).glob("*.bin"))
    return [*TARGETS[name].seeds, *(path.read_bytes() for path in kept)]


def fuzz(name: str, inputs: int, seed: int) -> None:
    """Try that many inputs; raises what the first broken promise raises, with the input noted."""
    target, corpus, rng = TARGETS[name], corpus_of(name), random.Random(seed)
    for number in range(inputs):
        data = mutated(rng, corpus)
        try:
            target.run(data, random.Random(number))
        except Exception as error:
            error.add_note(f"{name}, seed {seed}, input {number}: {data!r}")
            error.data = data  # type: ignore[attr-defined]
            raise


def keep(name: str, data: bytes) -> Path:
    path = CORPUS / name / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="*", help=f"of {', '.join(TARGETS)}; all if none is named")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    broken = 0
    for name in asked.target or TARGETS:
        began = time.monotonic()
        try:
            fuzz(name, asked.inputs, asked.seed)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
            broken += 1
            traceback.print_exception(error)
            sys.stderr.write(f"kept in {keep(name, error.data)}\n")  # type: ignore[attr-defined]
        else:
            took = time.monotonic() - began
            sys.stdout.write(f"{name}: {asked.inputs} inputs, seed {asked.seed}, {took:.0f} s\n")
            sys.stdout.flush()
    return broken


if __name__ == "__main__":
    sys.exit(main())

"""Run the benches: `python -m bench.run all`, or the name of one question."""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent


def questions() -> list[str]:
    """Return the names of the folders that answer a question."""
    return sorted(path.parent.name for path in HERE.glob("*/run.py"))


def main(name: str) -> None:
    """Run one bench, or all of them one after the other."""
    known = questions()
    if name != "all" and name not in known:
        raise SystemExit(f"there is no bench {name!r}; there are: {', '.join(known)}")
    for question in known if name == "all" else [name]:
        importlib.import_module(f"bench.{question}.run").main()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "all")

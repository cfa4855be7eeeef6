"""A server in a process of its own, whose memory and log can be looked at; run by test_abuse."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plait.rpc.lifetime import Lifetimes
from plait.rpc.server import Server
from tests.rpc.echo import Echo

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
QUICK = Lifetimes(greeting=1.0, keepalive=1.0, keepalive_timeout=1.0)


@dataclass
class Abused:
    """The process, from outside."""

    process: subprocess.Popen[str]
    target: str
    log: Path

    def lines(self, peer) -> list[str]:
        """Return what the server has logged of a connection."""
        host, port = peer.writer.get_extra_info("sockname")
        name = f"ipv4:{host}:{port}: "
        return [
            line.removeprefix(name)
            for line in self.log.read_text().splitlines()
            if line.startswith(name)
        ]

    def forget_peak(self) -> int:
        """Begin to measure the peak anew; return what the process takes now, in bytes."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def peak(self) -> int:
        """Return the most that the process took since `forget_peak`, in bytes."""
        return self._memory("VmHWM")

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith(name)]
        return int(line.split()[1]) * 1024


@contextmanager
def abused(folder: Path) -> Iterator[Abused]:
    """Start the process; ends it."""
    log = folder / "log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.rpc.abused"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
        )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        yield Abused(process, f"127.0.0.1:{port}", log)
    finally:
        process.communicate()  # the end of its input is its end


async def main() -> None:
    server = Server(lifetimes=QUICK)
    server.add_registered_method_handlers("test.Echo", Echo().handlers())
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(main())

"""How much a peer may ask for that carries no call, before it is told to calm down."""

from dataclasses import dataclass

from plait.rpc.http2.errors import ErrorCode, violation

_COMPANIONS = 4  # frames that may come with each frame of a call: grpcio sends as many


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a peer may do beyond the settings that it was told.

    `nuisances` are frames that carry no call (PING, SETTINGS, empty DATA, PRIORITY, ...), `resets`
    are streams that end early by the peer's doing (CVE-2023-44487, CVE-2025-8671). Both are saved
    up to the first number and come back at the second.
    """

    header_block: int = 64 * 1024  # bytes of one header block, encoded
    continuations: int = 32  # frames of one header block after the first (CVE-2024-27316)
    nuisances: int = 2_000
    nuisances_a_second: int = 1_000
    resets: int = 500
    resets_a_second: int = 100


class Patience:
    """Counts down with every nuisance and up with honest work and time."""

    __slots__ = ("_limits", "_nuisances", "_resets")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._nuisances = limits.nuisances
        self._resets = limits.resets

    def nuisance(self, what: str, *, weight: int = 1, message: str = "") -> None:
        """Count a frame that carries no call; `weight` is how often, if it costs more than others.

        Raises:
            ConnectionFailed: there were too many (ENHANCE_YOUR_CALM).
        """
        self._nuisances -= weight
        if self._nuisances < 0:
            raise violation(message or f"too many {what}", ErrorCode.ENHANCE_YOUR_CALM)

    def early_end(self) -> None:
        """Count a stream that ends early by the peer's doing; raises as `nuisance` does."""
        self._resets -= 1
        if self._resets < 0:
            raise violation("too many streams end early", ErrorCode.ENHANCE_YOUR_CALM)

    def work(self) -> None:
        """Count honest work: a frame of a call, which PINGs and WINDOW_UPDATEs may accompany."""
        if self._nuisances < self._limits.nuisances:
            self._nuisances += _COMPANIONS

    def whole_call(self) -> None:
        """Count a call that went to its end."""
        if self._resets < self._limits.resets:
            self._resets += 1

    def tick(self) -> None:
        """Count a second."""
        limits = self._limits
        self._nuisances = min(self._nuisances + limits.nuisances_a_second, limits.nuisances)
        self._resets = min(self._resets + limits.resets_a_second, limits.resets)

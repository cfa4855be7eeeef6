"""What the console can be told by its environment."""

from pydantic import AliasChoices, Field

from plait.console.store import Limits
from plait.settings import Settings

_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


class ConsoleSettings(Settings):
    """The settings of the console process."""

    port: int = Field(
        default=8090,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT", "PLAIT_PORT"),
        description="port of the pages and their API; 0 takes a free one",
    )
    otlp: bool = Field(
        default=True, description="false: receive nothing, for traces go somewhere else"
    )
    otlp_port: int = Field(
        default=4318,
        ge=0,
        le=65535,
        description="port of the OTLP/HTTP receiver; 0 takes a free one",
    )
    smtp_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="port of the mailbox, for SMTP; 0 takes a free one, without it there is none",
    )
    mail_folder: str = Field(
        default="", description="folder that keeps the mails; without it they end with the process"
    )
    console_hosts: str = Field(
        default="",
        description="names of the console beside loopback's, separated by commas; * for any",
    )
    console_example: str = Field(
        default="curl http://127.0.0.1:8080/openapi.json",
        description="the command that the empty page offers, to make a first trace",
    )
    console_traces: int = Field(default=2000, ge=1, description="how many traces to keep")
    console_spans: int = Field(default=10_000, ge=1, description="spans to keep of one trace")
    console_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1024 * 1024, description="memory for all traces, in bytes"
    )

    @property
    def limits(self) -> Limits:
        """The bounds of the store; one trace may take a quarter of it, one span a sixteenth."""
        return Limits(
            traces=self.console_traces,
            trace_spans=self.console_spans,
            span_bytes=min(Limits().span_bytes, self.console_bytes // 16),
            trace_bytes=self.console_bytes // 4,
            total_bytes=self.console_bytes,
        )

    @property
    def hosts(self) -> frozenset[str]:
        """The names that a request may ask for, beside loopback's."""
        names = {name.strip() for name in self.console_hosts.split(",")}
        own = set[str]() if self.host in _WILDCARDS else {self.host}
        return frozenset(names - {""} | own)

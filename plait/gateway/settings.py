"""What a gateway can be told by its environment."""

from pydantic import AliasChoices, Field, field_validator

from plait.gateway.app import Edge
from plait.gateway.edge.headers import may_pass, networks
from plait.gateway.edge.limits import Limits
from plait.gateway.rest.handler import Passing
from plait.gateway.server import Connections
from plait.settings import Settings

_MIB = 1024 * 1024


class GatewaySettings(Settings):
    """The settings of a gateway process; sizes in bytes, times in seconds."""

    port: int = Field(
        default=8080,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT", "PLAIT_PORT"),
        description="port to listen on; 0 takes a free one",
    )
    contracts: str = Field(
        default="gen/contracts.binpb",
        description="file with the contracts: a FileDescriptorSet with imports and comments",
    )
    trusted_proxies: str = Field(
        default="",
        description="addresses and networks whose X-Forwarded-For is believed, with commas",
    )
    pass_request_headers: str = Field(
        default="accept-language", description="headers that services get as metadata, with commas"
    )
    pass_response_metadata: str = Field(
        default="", description="metadata of services that clients get as headers, with commas"
    )
    max_body: int = Field(default=4 * _MIB, ge=1, description="bytes of a request with one message")
    max_item: int = Field(default=4 * _MIB, ge=1, description="bytes of one message of a stream")
    max_stream: int = Field(default=1024 * _MIB, ge=1, description="bytes of a whole stream")
    max_url: int = Field(default=8192, ge=1, description="bytes of path and query")
    max_headers: int = Field(default=32 * 1024, ge=1, description="bytes of all headers")
    max_header_count: int = Field(default=64, ge=1, le=100, description="headers of a request")
    max_connections: int = Field(
        default=1024, ge=1, description="connections at the same time, silent ones too"
    )
    header_timeout: float = Field(
        default=10.0, gt=0, description="until all headers are there, and of idle connections"
    )
    body_pause: float = Field(default=30.0, gt=0, description="pause in the middle of a body")
    body_time: float = Field(default=60.0, gt=0, description="for a body with one message")
    stream_time: float = Field(default=3600.0, gt=0, description="for a whole stream of a client")
    write_pause: float = Field(default=60.0, gt=0, description="in which a client reads nothing")
    heartbeat: float = Field(
        default=15.0, gt=0, description="after which an idle event stream says that it is there"
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(value)
        return value

    @field_validator("pass_request_headers", "pass_response_metadata")
    @classmethod
    def _may_pass(cls, value: str) -> str:
        for name in _names(value):
            if not may_pass(name):
                raise ValueError(f"the header {name} is the gateway's own and never passed on")
        return value

    @property
    def edge(self) -> Edge:
        """How what comes from outside is treated."""
        return Edge(
            limits=Limits(
                url=self.max_url,
                header_count=self.max_header_count,
                headers=self.max_headers,
                body=self.max_body,
                item=self.max_item,
                stream=self.max_stream,
                body_pause=self.body_pause,
                body_time=self.body_time,
                stream_time=self.stream_time,
                write_pause=self.write_pause,
            ),
            passing=Passing(
                requests=_names(self.pass_request_headers),
                responses=_names(self.pass_response_metadata),
            ),
            trusted_proxies=networks(self.trusted_proxies),
            heartbeat=self.heartbeat,
        )

    @property
    def connections(self) -> Connections:
        """What the HTTP server allows a client to hold on to."""
        return Connections(
            header_timeout=self.header_timeout,
            header_bytes=max(self.max_headers + self.max_url, 8192) * 2,
            count=self.max_connections,
        )


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())

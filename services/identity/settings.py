"""What identity can be told by its environment."""

from email.utils import parseaddr

from pydantic import Field, SecretStr, field_validator

from plait.settings import ServiceSettings
from services.identity.providers.smtp import SmtpServer
from services.identity.vault import LEAST_SECRET

_LEAST_PASSWORD, _MOST_PASSWORD = 10, 200  # characters, as the contract has it


class IdentitySettings(ServiceSettings):
    """The settings of identity beside those of every service with a database."""

    identity_secret: SecretStr = Field(
        validation_alias="IDENTITY_SECRET",
        description=f"what signing keys are sealed with; at least {LEAST_SECRET} random bytes",
    )
    identity_admin_email: str = Field(
        default="admin@shop.example",
        validation_alias="IDENTITY_ADMIN_EMAIL",
        max_length=254,
        description="address of the first admin, who is made where there is no admin",
    )
    identity_admin_password: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="IDENTITY_ADMIN_PASSWORD",
        description="their first password; without it no admin is made",
    )
    identity_sign_ups: int = Field(
        default=30,
        ge=1,
        validation_alias="IDENTITY_SIGN_UPS",
        description="users that may be created from one place before it has to wait",
    )
    smtp_url: str = Field(
        default="smtp://127.0.0.1:1025",
        validation_alias="SMTP_URL",
        repr=False,
        description="mail server, smtp://user:password@host:port or smtps://...",
    )
    smtp_sender: str = Field(
        default="The shop <no-reply@shop.example>",
        validation_alias="SMTP_SENDER",
        description="whom letters come from",
    )

    @field_validator("identity_secret")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value().encode()) < LEAST_SECRET:
            raise ValueError(f"expected at least {LEAST_SECRET} bytes")
        return value

    @field_validator("identity_admin_password")
    @classmethod
    def _is_a_password(cls, value: SecretStr) -> SecretStr:
        length = len(value.get_secret_value())
        if length and not _LEAST_PASSWORD <= length <= _MOST_PASSWORD:
            raise ValueError(f"expected {_LEAST_PASSWORD} to {_MOST_PASSWORD} characters")
        return value

    @field_validator("identity_admin_email", "smtp_sender")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        local, _, domain = parseaddr(value)[1].rpartition("@")
        if not local or not domain:
            raise ValueError("expected an address such as admin@shop.example")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, value: str) -> str:
        SmtpServer.parse(value)
        return value

"""Users, their sessions and one-time tokens, letters to them, signing keys, and what was done."""

import sqlalchemy as sa
from alembic import op

from plait.data.claims import create_claims

revision = "0001"
down_revision = None

# Times are microseconds since 1970. What is kept of a token is its digest.


def upgrade() -> None:
    _people()
    _tokens()
    _service()
    create_claims(op.get_bind())


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),  # as it was written
        sa.Column("email_key", sa.Text, nullable=False),  # in lower case
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("email_verified", sa.Boolean, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),  # " admin agent ", or nothing
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="users_name"),
        sa.UniqueConstraint("email_key", name="users_email_key"),
    )
    for column in ("email", "display_name", "create_time"):
        op.create_index(f"users_by_{column}", "users", [column, "name"])
    op.create_table(
        "guards",  # a row that is locked by whoever decides by more than one row
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="guards_name"),
    )
    op.execute("INSERT INTO guards (name, turn) VALUES ('admins', 0), ('keys', 0)")
    op.create_table(
        "events",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("actor", "method", "resource", "status", "client_address", "trace_id")
        ),
        sa.PrimaryKeyConstraint("name", name="events_name"),
    )
    op.create_index("events_by_create_time", "events", ["create_time", "name"])


def _tokens() -> None:
    op.create_table(
        "sessions",  # to end one is to remove it, and its tokens with it
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, sa.ForeignKey("users.name"), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="sessions_name"),
    )
    op.create_index("sessions_by_user_name", "sessions", ["user_name"])
    op.create_index("sessions_by_expire_time", "sessions", ["expire_time"])
    session = sa.ForeignKey("sessions.name", ondelete="CASCADE")
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("session", sa.Text, session, nullable=False),
        sa.Column("used", sa.Boolean, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="refresh_tokens_digest"),
    )
    op.create_index("refresh_tokens_by_session", "refresh_tokens", ["session"])
    op.create_index("refresh_tokens_by_expire_time", "refresh_tokens", ["expire_time"])
    op.create_table(
        "one_time_tokens",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, sa.ForeignKey("users.name"), nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="one_time_tokens_digest"),
    )
    op.create_index("one_time_tokens_by_user_name", "one_time_tokens", ["user_name"])
    op.create_index("one_time_tokens_by_expire_time", "one_time_tokens", ["expire_time"])


def _service() -> None:
    op.create_table(
        "letters",  # that wait to be sent; one that was is removed
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("email_key", sa.Text, nullable=False),
        sa.Column("issued", sa.Boolean, nullable=False),  # whether its token works
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("due_time", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("parked", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("name", name="letters_name"),
    )
    op.create_index("letters_by_due_time", "letters", ["parked", "due_time"])
    op.create_index("letters_by_email_key", "letters", ["email_key"])
    op.create_table(
        "attempts",
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("tries", sa.BigInteger, nullable=False),
        sa.Column("last_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="attempts_subject"),
    )
    op.create_index("attempts_by_expire_time", "attempts", ["expire_time"])
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("x", sa.Text, nullable=False),  # the public part
        sa.Column("sealed", sa.LargeBinary, nullable=False),  # the private part
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("rotate_time", sa.BigInteger, nullable=True),
        sa.Column("expire_time", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("kid", name="signing_keys_kid"),
    )
    one_each = sa.text("state IN ('next', 'current')")
    op.create_index(
        "signing_keys_state",
        "signing_keys",
        ["state"],
        unique=True,
        sqlite_where=one_each,
        postgresql_where=one_each,
    )

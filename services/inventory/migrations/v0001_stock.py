"""Stock, what was done to it by hand, and reservations with their lines."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "stock",
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("on_hand", sa.BigInteger, nullable=False),
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),  # microseconds since 1970
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("product", name="stock_product"),
        # The last line of defence: whatever a program does, nothing is promised twice.
        sa.CheckConstraint("reserved >= 0", name="stock_reserved_not_negative"),
        sa.CheckConstraint("on_hand >= reserved", name="stock_covers_reserved"),
    )
    _adjustments()
    _reservations()


def _adjustments() -> None:
    op.create_table(
        "adjustments",
        sa.Column("product", sa.Text, sa.ForeignKey("stock.product"), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),  # that it made of the stock
        sa.Column("on_hand", sa.BigInteger, nullable=False),  # afterwards
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("delta", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("product", "revision", name="adjustments_product_revision"),
        sa.UniqueConstraint("actor", "request_id", name="adjustments_actor_request_id"),
    )


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("order_name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=True),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("request_id", sa.Text, nullable=True),  # of Reserve; none if it never came
        sa.Column("fingerprint", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("order_name", name="reservations_order_name"),
        sa.UniqueConstraint("request_id", name="reservations_request_id"),
    )
    held = sa.text("state = 'HELD'")
    op.create_index(
        "reservations_by_expire_time",
        "reservations",
        ["expire_time"],
        sqlite_where=held,
        postgresql_where=held,
    )
    op.create_table(
        "reservation_lines",
        sa.Column("order_name", sa.Text, sa.ForeignKey("reservations.order_name"), nullable=False),
        sa.Column("product", sa.Text, sa.ForeignKey("stock.product"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("order_name", "product", name="reservation_lines_order_product"),
        sa.CheckConstraint("quantity > 0", name="reservation_lines_quantity_positive"),
    )

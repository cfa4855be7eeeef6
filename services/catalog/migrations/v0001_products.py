"""Products, their pictures, and the index of their words."""

import sqlalchemy as sa
from alembic import op

from plait.data.claims import create_claims

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_WORDS = "sku, title, description, category, tags"
_NEW = "new.number, new.sku, new.title, new.description, new.category, new.tags"
_OLD = "old.number, old.sku, old.title, old.description, old.category, old.tags"


def upgrade() -> None:
    op.create_table(
        "products",
        sa.Column("number", _NUMBER, primary_key=True),  # SQLite's row, for the index of words
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False),  # nanos
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),  # " new wood ", or nothing
        sa.Column("create_time", sa.BigInteger, nullable=False),  # microseconds since 1970
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("delete_time", sa.BigInteger, nullable=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("picture_type", sa.Text, nullable=True),
        sa.Column("picture_size", sa.BigInteger, nullable=True),
        sa.Column("picture_sha256", sa.Text, nullable=True),
        sa.Column("picture_time", sa.BigInteger, nullable=True),
        sa.UniqueConstraint("name", name="products_name"),
    )
    on_sale = sa.text("delete_time IS NULL")
    op.create_index(
        "products_sku",
        "products",
        ["sku"],
        unique=True,
        sqlite_where=on_sale,
        postgresql_where=on_sale,
    )
    for column in ("title", "price", "category", "create_time"):
        op.create_index(f"products_by_{column}", "products", [column, "name"])
    op.create_table(
        "pictures",
        sa.Column("product", sa.Text, sa.ForeignKey("products.name"), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("product", name="pictures_product"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _index_words_of_postgresql()
    else:
        _index_words_of_sqlite()
    create_claims(op.get_bind())


def _index_words_of_postgresql() -> None:
    """Full-text search in PostgreSQL's way; products that are deleted are not in the index.

    Words are those of SQLite's index: letters and digits, in lower case, Latin ones without their
    accents. Digits of other scripts are none here.
    """
    function = "RETURNS {} IMMUTABLE STRICT PARALLEL SAFE RETURN"
    op.execute(
        f"CREATE FUNCTION products_folded(text) {function.format('text')}"
        " normalize(regexp_replace(normalize(lower($1), NFD),"
        r" '([a-z])[\u0300-\u036f]+', '\1', 'g'), NFC)"
    )
    op.execute(
        f"CREATE FUNCTION products_words(text) {function.format('tsvector')}"
        " to_tsvector('simple', regexp_replace(products_folded($1), '[^[:alnum:]]+', ' ', 'g'))"
    )
    weighted = " || ".join(
        f"setweight(products_words({column}), '{weight}')"
        for weight, column in (
            ("A", "title"),
            ("B", "sku"),
            ("C", "category"),
            ("C", "tags"),
            ("D", "description"),
        )
    )
    op.execute(
        "ALTER TABLE products ADD COLUMN words tsvector NOT NULL"
        f" GENERATED ALWAYS AS ({weighted}) STORED"
    )
    op.execute(
        "CREATE INDEX products_words ON products USING gin (words) WHERE delete_time IS NULL"
    )


def _index_words_of_sqlite() -> None:
    """Full-text search in SQLite's way; products that are deleted are not in the index."""
    op.execute(
        f"CREATE VIRTUAL TABLE products_words USING fts5({_WORDS}, content='products',"
        " content_rowid='number', tokenize='unicode61 remove_diacritics 2', prefix='2 3')"
    )
    into = "INSERT INTO products_words"
    add = f"{into} (rowid, {_WORDS}) VALUES ({_NEW});"
    remove = f"{into} (products_words, rowid, {_WORDS}) VALUES ('delete', {_OLD});"
    op.execute(
        "CREATE TRIGGER products_words_insert AFTER INSERT ON products"
        f" WHEN new.delete_time IS NULL BEGIN {add} END"
    )
    # The old words are removed before the row changes: the order of triggers of one kind is open.
    changed = f"UPDATE OF {_WORDS}, delete_time ON products"
    op.execute(
        f"CREATE TRIGGER products_words_remove BEFORE {changed}"
        f" WHEN old.delete_time IS NULL BEGIN {remove} END"
    )
    op.execute(
        f"CREATE TRIGGER products_words_add AFTER {changed}"
        f" WHEN new.delete_time IS NULL BEGIN {add} END"
    )

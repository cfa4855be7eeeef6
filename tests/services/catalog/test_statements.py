import pytest
from sqlalchemy.dialects import postgresql

from plait.data.url import System
from services.catalog.filter import parse_filter
from services.catalog.order import parse_order
from services.catalog.statements import page_of, those, words_of


@pytest.mark.parametrize(
    ("query", "sqlite", "postgresql"),
    [
        ("chess", '"chess"*', "'chess':*"),
        ("Chess set", '"Chess" "set"*', "'Chess' & 'set':*"),
        ("  board-games! ", '"board" "games"*', "'board' & 'games':*"),
        ('"quoted" OR (x)', '"quoted" "OR" "x"*', "'quoted' & 'OR' & 'x':*"),
        ("it's a\\b", '"it" "s" "a" "b"*', "'it' & 's' & 'a' & 'b':*"),
        ("cafe\u0301", '"caf\u00e9"*', "'caf\u00e9':*"),
        ("snake_case", '"snake" "case"*', "'snake' & 'case':*"),
        ("?!", "", ""),
        ("", "", ""),
    ],
)
def test_a_query_becomes_quoted_words_the_last_one_unfinished(query, sqlite, postgresql):
    assert words_of(System.SQLITE, query) == sqlite
    assert words_of(System.POSTGRESQL, query) == postgresql


def test_a_page_is_one_statement_that_postgresql_understands_too():
    wanted = parse_filter('title:"a" AND tags:new AND NOT price.currency_code = EUR')
    order = parse_order("price desc")

    statement = page_of(those(wanted, show_deleted=False), order, 51, (7, "products/p1"))
    sql = str(statement.compile(dialect=postgresql.dialect()))

    assert sql.count("SELECT") == 1
    assert "lower(products.title) LIKE" in sql
    assert "ORDER BY products.price DESC, products.name ASC" in sql


def test_what_is_deleted_is_left_out_unless_it_is_asked_for():
    assert "delete_time IS NULL" in str(those(None, show_deleted=False))
    assert "WHERE" not in str(those(None, show_deleted=True))

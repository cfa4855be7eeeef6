"""The static table, held against the judge's."""

from hpack.table import HeaderTable

from plait.rpc.http2.static import STATIC


def test_the_table_is_that_of_the_rfc():
    assert list(STATIC) == [(bytes(n), bytes(v)) for n, v in HeaderTable.STATIC_TABLE]

"""The whole walk, in the order in which a customer and then an administrator would take it."""

from gateway.demo import people, products, stock
from plait.cli.walk import Walk


def walk(walk: Walk) -> None:
    """Sign up, log in, look around, watch the stock, keep the catalog, and log out.

    It leaves a user behind, which nobody can delete, and nothing else.

    Raises:
        plait.cli.exchange.WalkFailed: the shop answered something else than it should.
    """
    customer = people.sign_up(walk)
    people.log_in(walk, customer)
    people.read_oneself_and_nobody_else(walk, customer)
    name = products.look_around(walk)
    stock.watch(walk, name)
    products.keep(walk)
    people.go_on_and_log_out(walk)

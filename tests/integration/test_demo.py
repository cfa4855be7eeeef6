"""The command, and the walk through the shop, with the real thing running."""

import json
import re
import subprocess


def test_the_demo_walks_through_the_shop_and_leaves_it_as_it_was(shop):
    before = shop.plait("call", "catalog/ListProducts", "page_size=1000")

    said = shop.plait("demo")

    lines = said.splitlines()
    titles = [line for line in lines if re.match(r"\d+\. ", line)]
    assert lines[-1] == "Everything was as it should be."
    assert len(titles) >= 25
    assert sum(line.startswith(("curl ", "echo ")) for line in lines) == len(titles)
    assert sum(line.startswith("grpcurl ") for line in lines) == len(titles) - 1  # not of the mail
    assert said.count("/traces/") == len(titles) - 1
    assert shop.plait("call", "catalog/ListProducts", "page_size=1000") == before


def test_the_printed_lines_do_what_the_demo_did(shop):
    printed = shop.plait("demo").splitlines()
    lines = [line for line in printed if line.startswith("curl 'http")]

    for line in lines:
        done = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, check=False, timeout=20
        )
        assert done.returncode == 0
        assert "error" not in json.loads(done.stdout)

    assert len(lines) >= 4


def test_an_admin_calls_by_reflection_after_a_login(shop):
    shop.plait("login", "--admin")
    product = ["product.sku=CALL-1", "product.title=Called", "product.price.currency_code=EUR"]

    made = shop.plait("call", "catalog/CreateProduct", *product, "--trace")

    answer, _, tree = made.partition("trace http")
    name = json.loads(answer)["name"]
    assert "CatalogService/CreateProduct" in tree
    assert "plait call" in tree
    assert tree.count("catalog") >= 2  # the service and its database
    shop.plait("call", "catalog/DeleteProduct", f"name={name}")


def test_a_refused_call_ends_with_one_and_its_details(shop):
    done = shop.run("call", "catalog/GetProduct", "name=products/nothing-like-it")

    assert done.returncode == 1
    assert done.stderr.startswith("NOT_FOUND: ")
    assert "PRODUCT_NOT_FOUND (catalog.shop)" in done.stderr


def test_lines_of_json_become_a_stream(shop):
    shop.plait("login", "--admin")
    lines = [{"product": {"sku": f"LINE-{number}"}} for number in range(3)]

    said = shop.plait(
        *("call", "catalog/ImportProducts", "-d", "@-"),
        text="\n".join(json.dumps(line) for line in lines),
    )

    assert json.loads(said)["refusedCount"] == "3"


def test_every_process_logs_and_is_listed(shop):
    listed = json.loads(shop.plait("ps", "--json"))

    assert {process["state"] for process in listed["processes"]} == {"ready"}
    shown = shop.plait("logs", "--json", "-n", "1000").splitlines()
    logged = {json.loads(line)["process"] for line in shown}
    assert logged >= {"identity", "catalog", "inventory", "gateway", "console"}


def test_a_user_logs_in_calls_and_logs_out(shop):
    ada = shop.user()

    shop.plait("login", ada.email, "--password-stdin", text=ada.password)
    me = json.loads(shop.plait("call", "identity/GetUser", "name=users/me"))
    refused = shop.run("call", "identity/GetUser", "name=users/somebody-else")
    shop.plait("logout")
    gone = shop.run("call", "identity/GetUser", "name=users/me")

    assert (me["name"], me["email"], me["emailVerified"]) == (ada.name, ada.email, True)
    assert refused.stderr.startswith("PERMISSION_DENIED: ")
    assert gone.stderr.startswith("UNAUTHENTICATED: ")


def test_a_wrong_password_is_refused_with_a_sentence(shop):
    ada = shop.user()

    done = shop.run("login", ada.email, "--password-stdin", text="not the password")

    assert done.returncode == 5
    assert done.stderr == (
        f"plait: the log-in as {ada.email} was refused: the address or the password is wrong\n"
    )

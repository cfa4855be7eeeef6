"""The reader of Markdown pages sees every block, and does not take one text for another."""

from tests.documents.blocks import blocks, matches

PAGE = """\
# A page

```sh
echo one
```

```text
one
```

Words.

```sh
rm -rf /
```
<!-- not run: it would be a pity -->

```json
{"this": "belongs to nobody: words stand before it"}
```

```sh
grpcurl list
```
<!-- needs: grpcurl -->
"""


def test_commands_come_with_what_they_print_and_why_they_are_not_run():
    one, pity, foreign = blocks(PAGE)

    assert (one.command, one.shown, one.reason) == ("echo one\n", "one\n", "")
    assert (pity.command, pity.reason) == ("rm -rf /\n", "it would be a pity")
    assert (foreign.command, foreign.tool) == ("grpcurl list\n", "grpcurl")


def test_dots_stand_for_anything_and_nothing_else_does():
    assert matches('{"name": "...", "etag": "..."}', '{"name": "x", "etag": "y"}\n')
    assert not matches('{"name": "..."}', '{"nome": "x"}')
    assert not matches("one", "one two")
    assert not matches("1.3", "123")

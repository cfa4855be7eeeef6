import pytest

from plait.gateway.contracts import load
from plait.gateway.notes import (
    FieldNotes,
    MessageNotes,
    Resource,
    comments_of,
    field_notes,
    key_of,
    message_notes,
)


@pytest.fixture
def notes(library):
    """What the options of a field say, by the names of its message and of the field."""

    def of(message, name):
        descriptor = library.registry.message(f"plait.testing.v1.{message}")
        field = next(field for field in descriptor.fields if field.name == name)
        return field_notes(field, library.registry)

    return of


def test_a_field_without_options_has_no_notes(notes):
    assert notes("Book", "price") == FieldNotes()


@pytest.mark.parametrize(
    ("message", "name", "expected"),
    [
        (
            "Book",
            "title",
            FieldNotes(
                behavior=frozenset({"REQUIRED"}),
                constraints={"required": True, "string": {"min_len": 1, "max_len": 200}},
            ),
        ),
        ("Book", "authors", FieldNotes(constraints={"repeated": {"max_items": 10}})),
        ("Book", "page_count", FieldNotes(constraints={"int64": {"gte": 0}})),
        ("Book", "note", FieldNotes(secret=True, deprecated=True)),
        ("CreateBookRequest", "request_id", FieldNotes(format="UUID4")),
        ("WatchBooksResponse", "position", FieldNotes(resume_token=True)),
        ("GetPreferencesRequest", "tenant", FieldNotes(header="x-tenant")),
        ("GetPreferencesRequest", "theme", FieldNotes(cookie="theme")),
    ],
)
def test_the_options_of_a_field_are_read(notes, message, name, expected):
    assert notes(message, name) == expected


def test_the_options_of_a_message_are_read(library):
    def of(name):
        descriptor = library.registry.message(f"plait.testing.v1.{name}")
        return message_notes(descriptor, library.registry)

    assert of("Book") == MessageNotes(
        resource=Resource(
            type="library.test/Book",
            patterns=("shelves/{shelf}/books/{book}",),
        )
    )
    assert of("CreateBookRequest").constraints == {
        "cel": [
            {
                "id": "book.title",
                "message": "a book needs a title",
                "expression": "this.book.title != ''",
            }
        ]
    }
    assert of("GetBookRequest") == MessageNotes()


def test_options_whose_extension_is_not_there_are_as_if_absent(contract):
    text = """
    message Thing { string name = 1 [(plait.api.v1.resume_token) = true]; }
    service Things {}
    """
    contracts = load(contract(text), ["wrong.v1.Things"])
    thing = contracts.registry.message("wrong.v1.Thing")

    assert field_notes(thing.fields[0], contracts.registry) == FieldNotes(resume_token=True)
    assert message_notes(thing, contracts.registry) == MessageNotes()


COMMENTED = """
// A message.
message Outer {
  // A map.
  map<string, string> first = 1;
  // Inside.
  message Inner {
    // Deep.
    string deep = 1;
    // An enum inside.
    enum Kind {
      KIND_UNSPECIFIED = 0; // Behind.
    }
  }
  string second = 2; // After it.
  // Two lines,
  //   the second indented.
  Inner third = 3;
  /* A block. */
  string fourth = 4;
  string fifth = 5;
}
service Things {}
"""


def test_comments_stand_at_their_elements(contract):
    contracts = load(contract(COMMENTED), ["wrong.v1.Things"])
    file = contracts.registry.file("wrong.proto")

    assert comments_of([file]) == {
        "wrong.v1.Outer": "A message.",
        "wrong.v1.Outer.first": "A map.",
        "wrong.v1.Outer.Inner": "Inside.",
        "wrong.v1.Outer.Inner.deep": "Deep.",
        "wrong.v1.Outer.Inner.Kind": "An enum inside.",
        "wrong.v1.Outer.Inner.Kind.KIND_UNSPECIFIED": "Behind.",
        "wrong.v1.Outer.second": "After it.",
        "wrong.v1.Outer.third": "Two lines,\n  the second indented.",
        "wrong.v1.Outer.fourth": "A block.",
    }


def test_every_element_has_a_key_of_its_own(library):
    outer = library.registry.message("plait.testing.v1.Everything")
    mood = outer.nested_enums[0]
    get = library.services[0].descriptor.methods[0]

    assert key_of(outer) == "plait.testing.v1.Everything"
    assert key_of(outer.fields[0]) == "plait.testing.v1.Everything.text"
    assert key_of(mood.values[1]) == "plait.testing.v1.Everything.Mood.HAPPY"
    assert key_of(get) == "plait.testing.v1.LibraryService.GetBook"

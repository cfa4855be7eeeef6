"""What every field of the shop's contracts says: its bounds, its secrets, its part in a call."""

import re

import protovalidate
import pytest
from google.api import field_behavior_pb2, field_info_pb2, resource_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from buf.validate import validate_pb2
from plait.api.v1 import options_pb2

SECRET = {"password", "token", "secret", "card", "cvc", "code", "signature"}
NO_SECRETS = {
    "page_token": "points into a list and is bound to its caller",
    "next_page_token": "points into a list and is bound to its caller",
    "resume_token": "points into a stream and is bound to its caller",
    "code": "names a way of shipping",
    "country_code": "names a country",
    "currency_code": "names a currency",
    "postal_code": "names a place",
    "decline_code": "names a reason",
}
TIMES_OF_TOKENS = re.compile(r"_time$")
REDACTED_TOO = {  # what SECRET does not tell by name
    "shop.orders.v1.Order.payment_method",
    "shop.payments.v1.AuthorizeRequest.payment_method",
    "shop.payments.v1.HandleWebhookRequest.event",
}

NEVER_KEPT = {  # texts that may hold NUL, because none of them gets into a database as it was sent
    **dict.fromkeys(
        ("page_token", "next_page_token", "resume_token"),
        "of the shop's own making: what is not is refused as a whole",
    ),
    **dict.fromkeys(("filter", "order_by"), "has a language, of which NUL is no part"),
    **dict.fromkeys(("password", "new_password"), "only a hash of it is kept"),
    **dict.fromkeys(("token", "access_token", "refresh_token"), "only a hash of it is kept"),
    **dict.fromkeys(("stripe_signature", "sandbox_signature"), "is compared"),
    "etag": "is compared",
    **dict.fromkeys(
        ("kty", "crv", "x", "kid", "alg", "use"), "part of a key, which the shop makes"
    ),
    **dict.fromkeys(("signing_kid", "next_kid"), "part of a key, which the shop makes"),
    **dict.fromkeys(("content_type",), "one of four"),
    "weather_note": "is answered and forgotten",
    "shipping_option": "is answered and forgotten",
    "shop.catalog.v1.ImportProductsResponse.Refusal.product": "is answered and forgotten",
    "shop.catalog.v1.ImportProductsResponse.Refusal.message": "is answered and forgotten",
    "shop.catalog.v1.ImportProductsResponse.Refusal.field": "is answered and forgotten",
}
CLASS = re.compile(r"\[(\^?)((?:\\.|[^\]])*)\]")

UNBOUNDED = {FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_BOOL}


def rules(field):
    return field.GetOptions().Extensions[validate_pb2.field]


def behavior(field):
    return set(field.GetOptions().Extensions[field_behavior_pb2.field_behavior])


def requests(messages):
    return [message for message in messages if message.full_name.endswith("Request")]


def secret(field):
    if field.name in NO_SECRETS or TIMES_OF_TOKENS.search(field.name):
        return False
    return bool(SECRET & set(field.name.split("_"))) or field.full_name in REDACTED_TOO


def holds_secret(field, seen=frozenset()):
    """Whether a field is hidden from logs, or something that can be in it."""
    inner = field.message_type
    if field.GetOptions().debug_redact or inner is None or inner.full_name in seen:
        return field.GetOptions().debug_redact
    return any(holds_secret(below, seen | {inner.full_name}) for below in inner.fields)


def test_every_text_number_enum_and_repeated_field_is_bounded(fields):
    loose = [
        field.full_name
        for field in fields
        if (field.is_repeated or field.type not in UNBOUNDED)
        and not rules(field).WhichOneof("type")
    ]

    assert loose == []


def test_every_text_has_an_end(fields):
    loose = []
    for field in fields:
        if field.type != FieldDescriptor.TYPE_STRING:
            continue
        text = text_rules(field)
        closed = text.pattern.endswith("$") and not re.search(r"[*+]|,\}", text.pattern)
        if not (text.max_len or text.uuid or closed or getattr(text, "in")):
            loose.append(field.full_name)

    assert loose == []


def text_rules(field):
    return rules(field).repeated.items.string if field.is_repeated else rules(field).string


def lets_nul_through(text):
    """Whether a text by these rules may hold NUL, which PostgreSQL cannot keep."""
    if text.pattern:
        return may_match_nul(text.pattern)
    return not (text.WhichOneof("well_known") or getattr(text, "in"))


def may_match_nul(pattern):
    """Whether a regular expression without `|` outside of groups may match a text with NUL."""
    if not (pattern.startswith("^") and pattern.endswith("$")):
        return True  # anything may stand around it
    for negated, characters in CLASS.findall(pattern):
        if bool(negated) != characters.startswith(r"\x00") or re.search(r"\\[DSW]", characters):
            return True
    outside = CLASS.sub("", pattern)
    return bool(re.search(r"(?<!\\)\.|\\[DSWnx0]", outside))


@pytest.mark.parametrize(
    "pattern", [r"^[a-z]*$", r"^[^\x00]*$", r"^a\.[^\x00-\x1F]{2}$", "^(a|b)$"]
)
def test_a_pattern_that_keeps_nul_out_is_known(pattern):
    assert not may_match_nul(pattern)
    assert not re.search(pattern, "a\x00")


@pytest.mark.parametrize(
    "pattern",
    [
        r"[a-z]",
        r"^[a-z]",
        r"^a.$",
        r"^[^b-z]*$",
        r"^a\W$",
        r"^a[\W]$",
        r"^a[\x00-\x1f]$",
        r"^a\x00$",
    ],
)
def test_a_pattern_that_lets_nul_in_is_known(pattern):
    assert may_match_nul(pattern)
    assert re.search(pattern, "a\x00")


def test_no_text_that_is_kept_may_hold_nul(fields):
    texts = [field for field in fields if field.type == FieldDescriptor.TYPE_STRING]
    loose = {
        field.full_name
        for field in texts
        if lets_nul_through(text_rules(field))
        and not {field.name, field.full_name} & NEVER_KEPT.keys()
    }

    assert loose == set()


def test_every_exception_for_nul_is_needed(fields):
    loose = [
        field
        for field in fields
        if field.type == FieldDescriptor.TYPE_STRING and lets_nul_through(text_rules(field))
    ]

    assert {name for field in loose for name in (field.name, field.full_name)} >= NEVER_KEPT.keys()


def test_every_list_has_an_end(fields):
    loose = [
        field.full_name
        for field in fields
        if field.is_repeated and not rules(field).repeated.max_items
    ]

    assert loose == []


def test_secrets_and_nothing_else_are_hidden_from_logs(fields):
    hidden = {field.full_name for field in fields if field.GetOptions().debug_redact}
    secrets = {field.full_name for field in fields if secret(field)}

    assert hidden == secrets
    assert len(secrets) >= 15


def test_a_rule_about_what_holds_a_secret_has_words_of_its_own(messages, fields):
    """A rule without a `message` answers the text that its expression makes, and that may be of
    the value."""
    about = [(field.full_name, rules(field).cel) for field in fields if holds_secret(field)]
    about += [
        (message.full_name, message.GetOptions().Extensions[validate_pb2.message].cel)
        for message in messages
        if any(map(holds_secret, message.fields))
    ]
    wordless = [(name, rule.id) for name, cel in about for rule in cel if not rule.message]

    assert wordless == []
    assert sum(len(cel) for _, cel in about) >= 2


def test_every_exception_for_secrets_is_needed(fields):
    assert {field.name for field in fields} >= NO_SECRETS.keys()
    assert {field.full_name for field in fields} >= REDACTED_TOO


def test_what_a_request_needs_is_said_for_each_of_its_fields(messages):
    silent = [
        field.full_name
        for message in requests(messages)
        for field in message.fields
        if not behavior(field) and field.containing_oneof is None
    ]

    assert silent == []


def test_a_resource_has_a_name_and_says_of_each_field_who_sets_it(messages):
    resources = [m for m in messages if m.GetOptions().HasExtension(resource_pb2.resource)]
    unnamed = [
        message.full_name
        for message in resources
        if field_behavior_pb2.IDENTIFIER not in behavior(message.fields_by_name["name"])
    ]
    silent = [f.full_name for message in resources for f in message.fields if not behavior(f)]

    assert len(resources) == 12
    assert unnamed == []
    assert silent == []


def test_references_lead_to_resources_that_exist(messages, fields):
    types = {
        message.GetOptions().Extensions[resource_pb2.resource].type
        for message in messages
        if message.GetOptions().HasExtension(resource_pb2.resource)
    }
    targets = {
        field.GetOptions().Extensions[resource_pb2.resource_reference].type
        for field in fields
        if field.GetOptions().HasExtension(resource_pb2.resource_reference)
    }

    assert targets - {"*"} <= types


def test_a_field_that_names_a_resource_is_a_reference(fields):
    silent = [
        field.full_name
        for field in fields
        if field.type == FieldDescriptor.TYPE_STRING
        and field.name in ("name", "names", "order", "product", "customer", "user", "agent")
        and field_behavior_pb2.IDENTIFIER not in behavior(field)
        and not field.GetOptions().HasExtension(resource_pb2.resource_reference)
    ]

    assert silent == ["shop.catalog.v1.ImportProductsResponse.Refusal.product"]  # a name or a sku


def test_request_ids_are_uuids_and_version_4_where_a_client_makes_them(fields):
    ids = [field for field in fields if field.GetOptions().Extensions[options_pb2.request_id]]
    by_clients = {
        field.full_name
        for field in ids
        if field.GetOptions().Extensions[field_info_pb2.field_info].format
        == field_info_pb2.FieldInfo.UUID4
    }

    assert [field.full_name for field in ids if not rules(field).string.uuid] == []
    assert by_clients == {
        "shop.catalog.v1.CreateProductRequest.request_id",
        "shop.identity.v1.RotateKeysRequest.request_id",
        "shop.identity.v1.SignUpRequest.request_id",
        "shop.inventory.v1.AdjustStockRequest.request_id",
        "shop.orders.v1.CreateOrderRequest.request_id",
        "shop.orders.v1.ResolveOrderRequest.request_id",
    }


def test_a_page_size_has_no_upper_bound_because_it_is_cut(fields):
    sizes = [rules(field).int32 for field in fields if field.name == "page_size"]

    assert len(sizes) == 8
    assert {(size.gte, size.WhichOneof("less_than")) for size in sizes} == {(0, None)}


def test_money_from_a_caller_is_checked(messages):
    unchecked = [
        field.full_name
        for message in messages
        for field in message.fields
        if field.message_type
        and field.message_type.full_name == "google.type.Money"
        and not rules(field).cel
        and field_behavior_pb2.OUTPUT_ONLY not in behavior(field)
        and not message.name.endswith("Response")
    ]

    assert unchecked == []


def filled(descriptor, depth=3):
    """A message with something in each of its fields, so that each rule has a value to look at."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.message_type and depth:
            inner = filled(field.message_type, depth - 1)
            target = getattr(message, field.name)
            if field.is_repeated:
                target.add().CopyFrom(inner)
            else:
                target.CopyFrom(inner)
        elif not field.message_type:
            value = {"string": "a", "bytes": b"a", "bool": True}.get(kind(field), 1)
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
    return message


def kind(field):
    kinds = {
        FieldDescriptor.TYPE_STRING: "string",
        FieldDescriptor.TYPE_BYTES: "bytes",
        FieldDescriptor.TYPE_BOOL: "bool",
    }
    return kinds.get(field.type, "number")


@pytest.mark.parametrize("make", [lambda d: GetMessageClass(d)(), filled], ids=["empty", "filled"])
def test_every_rule_compiles_and_can_be_applied(messages, make):
    broken = []
    for message in messages:
        try:
            protovalidate.collect_violations(make(message))
        except (protovalidate.CompilationError, protovalidate.EvaluationError) as error:
            broken.append(f"{message.full_name}: {error}")

    assert broken == []
    assert len(messages) > 100

"""What every method of the shop says: who may call, at which address, how often."""

import re

from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.rpc import code_pb2

from plait.api.v1 import options_pb2

READS = ("Get", "List", "Search", "Batch", "Watch", "Export", "Track", "Quote", "Subscribe")
# Commands that make something new, or move money or pieces, and so must be repeatable by id.
CREATES = (
    *("AdjustStock", "Authorize", "CancelShipment", "Capture", "Commit", "Confirm"),
    *("CreateOrder", "CreateProduct", "CreateShipment", "Refund", "Release", "Reserve"),
    *("ResolveOrder", "Restock", "RotateKeys", "SignUp", "Void"),
)
# Commands without a request id, each with what makes a repetition harmless.
REPEATABLE_OTHERWISE = {
    "CancelOrder": "an order is cancelled once",
    "Chat": "each post has its own id",
    "DeleteProduct": "a product is deleted once",
    "GrantRole": "a role is had or not",
    "HandleWebhook": "the provider's event has an id",
    "ImportProducts": "a line that is there already is unchanged",
    "JoinChat": "a chat has one agent",
    "LogIn": "another session does no harm",
    "LogOut": "a session ends once",
    "MarkRead": "the first reading counts",
    "PutPicture": "the same bytes again",
    "RefreshSession": "a refresh token works once",
    "RequestPasswordReset": "another message does no harm",
    "ResetPassword": "a one-time token works once",
    "RevokeRole": "a role is had or not",
    "UpdateProduct": "the same values again",
    "UpdateUser": "the same values again",
    "VerifyEmail": "an address is verified or not",
}


def access(method):
    return method.GetOptions().Extensions[options_pb2.access]


def rule(method):
    return method.GetOptions().Extensions[annotations_pb2.http]


def internal(method):
    return access(method).WhichOneof("caller") == "internal"


def reads(method):
    return method.name.startswith(READS)


def at(message, path):
    """The field at the end of a path, or None."""
    *way, last = path.split(".")
    for name in way:
        field = message.fields_by_name.get(name)
        if field is None or field.message_type is None:
            return None
        message = field.message_type
    return message.fields_by_name.get(last)


def variables(method):
    _, template = verb_and_path(method)
    return re.findall(r"\{([a-z_.]+)(?:=[^}]*)?\}", template)


def verb_and_path(method):
    verb = rule(method).WhichOneof("pattern")
    return verb, getattr(rule(method), verb)


def marked(message, option):
    return [field for field in message.fields if field.GetOptions().Extensions[option]]


def test_the_services_are_the_seven_of_the_shop(shop):
    services = [service.full_name for file in shop for service in file.services_by_name.values()]

    assert sorted(services) == [
        "shop.catalog.v1.CatalogService",
        "shop.identity.v1.IdentityService",
        "shop.inventory.v1.InventoryService",
        "shop.notifications.v1.NotificationsService",
        "shop.orders.v1.OrdersService",
        "shop.payments.v1.PaymentsService",
        "shop.shipping.v1.ShippingService",
    ]


def test_every_method_says_who_may_call(methods):
    silent = [method.full_name for method in methods if not access(method).WhichOneof("caller")]

    assert silent == []


def test_roles_and_workloads_are_named(methods):
    kinds = [(method, access(method)) for method in methods]

    assert [m.name for m, a in kinds if a.HasField("roles") and not a.roles.any] == []
    assert [m.name for m, a in kinds if a.HasField("internal") and not a.internal.workloads] == []


def test_methods_from_outside_have_a_route_and_internal_ones_none(methods):
    wrong = [
        method.full_name
        for method in methods
        if internal(method) == bool(rule(method).WhichOneof("pattern"))
    ]

    assert wrong == []


def test_no_two_methods_share_a_route(methods):
    routes = [verb_and_path(method) for method in methods if not internal(method)]
    streams = [
        verb_and_path(method)[1]
        for method in methods
        if not internal(method) and (method.client_streaming or method.server_streaming)
    ]

    assert len(routes) == len({(verb, re.sub(r"\{[^=}]*", "{", path)) for verb, path in routes})
    assert len(streams) == len(set(streams))


def test_path_variables_and_bodies_are_fields_of_the_request(methods):
    wrong = []
    for method in methods:
        if internal(method):
            continue
        bound = [at(method.input_type, path) for path in variables(method)]
        wrong += [method.name for field in bound if field is None]
        wrong += [method.name for f in bound if f and (f.is_repeated or f.message_type)]
        body = rule(method).body
        if body not in ("", "*") and body not in method.input_type.fields_by_name:
            wrong.append(method.name)

    assert wrong == []


def test_reads_have_no_side_effects_and_are_the_only_ones(methods):
    none = MethodOptions.IdempotencyLevel.Value("NO_SIDE_EFFECTS")
    wrong = [
        method.full_name
        for method in methods
        if (method.GetOptions().idempotency_level == none) != reads(method)
    ]

    assert wrong == []


def test_a_get_over_http_is_a_read_or_a_duplex_stream(methods):
    gets = [m for m in methods if not internal(m) and verb_and_path(m)[0] == "get"]

    assert [m.name for m in gets if not reads(m) and not m.client_streaming] == []
    assert len(gets) > 20


def test_the_owner_is_a_user_named_in_request_or_response(methods):
    wrong = []
    for method in methods:
        owner = access(method).user.owner
        if not owner:
            continue
        side, path = owner.split(".", 1)
        message = {"request": method.input_type, "response": method.output_type}[side]
        field = at(message, path)
        if field is None or field.type != FieldDescriptor.TYPE_STRING or field.is_repeated:
            wrong.append(f"{method.full_name}: {owner}")

    assert wrong == []


def test_every_command_is_repeatable_by_a_request_id_or_otherwise(methods):
    without = {
        method.name
        for method in methods
        if not reads(method) and not marked(method.input_type, options_pb2.request_id)
    }

    assert without == REPEATABLE_OTHERWISE.keys()


def test_everything_that_creates_or_charges_has_one_request_id(methods):
    found = [
        method.name
        for method in methods
        if [f.name for f in marked(method.input_type, options_pb2.request_id)] == ["request_id"]
    ]

    assert sorted(found) == sorted(CREATES)


def test_internal_commands_demand_their_request_id(methods):
    wrong = []
    for method in filter(internal, methods):
        (field,) = marked(method.input_type, options_pb2.request_id)
        behavior = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
        if field_behavior_pb2.REQUIRED not in behavior:
            wrong.append(method.full_name)

    assert wrong == []
    assert sum(map(internal, methods)) == 11


def test_every_patch_has_an_update_mask_and_a_resource_with_an_etag(methods):
    patches = [m for m in methods if not internal(m) and verb_and_path(m)[0] == "patch"]
    wrong = [
        method.name
        for method in patches
        if at(method.input_type, "update_mask").message_type.full_name
        != "google.protobuf.FieldMask"
        or at(method.input_type, f"{rule(method).body}.etag") is None
    ]

    assert sorted(method.name for method in patches) == ["UpdateProduct", "UpdateUser"]
    assert wrong == []


def test_every_list_and_search_has_pages(methods):
    lists = [method for method in methods if method.name.startswith(("List", "Search"))]
    wrong = [
        method.name
        for method in lists
        if not {"page_size", "page_token"} <= set(method.input_type.fields_by_name)
        or "next_page_token" not in method.output_type.fields_by_name
        or not method.output_type.fields[0].is_repeated
    ]

    assert len(lists) == 8
    assert wrong == []


def test_endless_streams_can_be_resumed(methods):
    resumable = [
        method.name
        for method in methods
        if marked(method.input_type, options_pb2.resume_token)
        and marked(method.output_type, options_pb2.resume_token)
    ]

    assert sorted(resumable) == ["Subscribe", "TrackShipment", "WatchOrder", "WatchStock"]


def test_nothing_to_answer_is_204_and_something_new_201(methods):
    success = {
        method.name: method.GetOptions().Extensions[options_pb2.success].status
        for method in methods
        if method.GetOptions().HasExtension(options_pb2.success)
    }
    empty = {m.name for m in methods if m.output_type.full_name == "google.protobuf.Empty"}
    created = {name for name, status in success.items() if status == 201}

    assert {name for name, status in success.items() if status == 204} == empty
    assert created == {"CreateOrder", "CreateProduct", "LogIn", "SignUp"}
    assert all(at(m.output_type, "name") for m in methods if m.name in created)


def test_a_deadline_is_between_a_second_and_a_minute_and_that_of_a_stream_an_hour(methods):
    wrong = [
        method.name
        for method in methods
        if method.GetOptions().HasExtension(options_pb2.deadline)
        and not 1
        <= method.GetOptions().Extensions[options_pb2.deadline].seconds
        <= (3600 if method.server_streaming or method.client_streaming else 60)
    ]

    assert wrong == []


def comments(files):
    """The comment of each method of the shop, by its name."""
    service, method = 6, 2  # the numbers of the fields in descriptor.proto
    for file in files.file:
        if not file.name.startswith("shop/"):
            continue
        for location in file.source_code_info.location:
            match list(location.path):
                case [kind, i, inner, j] if (kind, inner) == (service, method):
                    yield file.service[i].method[j].name, location.leading_comments


def test_every_command_says_what_happens_when_it_is_repeated(files, methods):
    said = dict(comments(files))
    wrong = [
        method.name
        for method in methods
        if not reads(method) and not re.search(r"repe(at|ti)", said[method.name], re.IGNORECASE)
    ]

    assert wrong == []


def test_every_method_that_names_a_thing_says_how_it_fails_without_it(files, methods):
    said = dict(comments(files))
    name = re.compile(r"\bNOT_FOUND,\s+reason\s+[A-Z]+_NOT_FOUND\b")
    wrong = [
        method.name
        for method in methods
        if (at(method.input_type, "name") or at(method.input_type, "names"))
        and method.name not in ("AdjustStock", "WatchStock")  # they need no stock to begin with
        and not name.search(said[method.name])
    ]

    assert wrong == []


def test_a_reason_is_named_with_its_status(files):
    reasons = [
        (name, before, reason)
        for name, comment in comments(files)
        for before, reason in re.findall(r"(\S+) reason ([A-Z_]{4,})", " ".join(comment.split()))
    ]
    codes = {f"{value.name}," for value in code_pb2.Code.DESCRIPTOR.values}

    assert [found for found in reasons if found[1] not in codes] == []
    assert len(reasons) > 80

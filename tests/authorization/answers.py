"""Who may call what: the house's own word on every method, to be held against the contracts.

A line says who gets in. It is written by hand, by somebody who has thought about it: a contract
that changes who may call has to be changed here as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor

from tests.authorization.callers import Caller
from tests.authorization.contracts import access


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who gets in; `kind` is the name of the function below that made it."""

    kind: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(map(repr, self.names))})"

    def refusal(self, caller: Caller, owner: str) -> str:
        """Return the reason with which a caller is refused who asks for what `owner` has."""
        mine = caller.user == owner and self.kind == "owner_or"
        match self.kind:
            case _ if caller.broken:
                reason = caller.broken
            case "anyone":
                reason = ""
            case "only" if caller.workload:
                reason = "" if caller.workload in self.names else "WORKLOAD_NOT_ALLOWED"
            case _ if self.kind == "only" or not caller.user:
                reason = "TOKEN_MISSING"
            case "people":
                reason = ""
            case _ if mine or {*caller.roles} & {*self.names}:
                reason = ""
            case _:
                reason = "ROLE_MISSING" if self.kind == "role" else "NOT_OWNER"
        return reason


def anyone() -> Rule:
    """Whoever it is, with or without a token."""
    return Rule(kind="anyone")


def people(*may_see_more: str) -> Rule:
    """Whoever is logged in; the service shows each their own, and more to these roles."""
    return Rule(kind="people", names=may_see_more)


def owner_or(*roles: str) -> Rule:
    """Whose thing it is, and people with one of these roles."""
    return Rule(kind="owner_or", names=roles)


def role(*names: str) -> Rule:
    """People with one of these roles."""
    return Rule(kind="role", names=names)


def only(*workloads: str) -> Rule:
    """These services and nobody else; nobody from outside."""
    return Rule(kind="only", names=workloads)


ANSWERS: Mapping[str, Rule] = {
    "shop.catalog.v1.CatalogService/CreateProduct": role("admin"),
    "shop.catalog.v1.CatalogService/GetProduct": anyone(),
    "shop.catalog.v1.CatalogService/ListProducts": anyone(),
    "shop.catalog.v1.CatalogService/SearchProducts": anyone(),
    "shop.catalog.v1.CatalogService/BatchGetProducts": anyone(),
    "shop.catalog.v1.CatalogService/UpdateProduct": role("admin"),
    "shop.catalog.v1.CatalogService/DeleteProduct": role("admin"),
    "shop.catalog.v1.CatalogService/ImportProducts": role("admin"),
    "shop.catalog.v1.CatalogService/ExportProducts": role("admin"),
    "shop.catalog.v1.CatalogService/PutPicture": role("admin"),
    "shop.catalog.v1.CatalogService/GetPicture": anyone(),
    "shop.identity.v1.IdentityService/SignUp": anyone(),
    "shop.identity.v1.IdentityService/LogIn": anyone(),
    "shop.identity.v1.IdentityService/RefreshSession": anyone(),
    "shop.identity.v1.IdentityService/LogOut": anyone(),
    "shop.identity.v1.IdentityService/GetUser": owner_or("admin"),
    "shop.identity.v1.IdentityService/UpdateUser": owner_or("admin"),
    "shop.identity.v1.IdentityService/VerifyEmail": anyone(),
    "shop.identity.v1.IdentityService/RequestPasswordReset": anyone(),
    "shop.identity.v1.IdentityService/ResetPassword": anyone(),
    "shop.identity.v1.IdentityService/ListUsers": role("admin"),
    "shop.identity.v1.IdentityService/GrantRole": role("admin"),
    "shop.identity.v1.IdentityService/RevokeRole": role("admin"),
    "shop.identity.v1.IdentityService/GetJwks": anyone(),
    "shop.identity.v1.IdentityService/RotateKeys": role("admin"),
    "shop.identity.v1.IdentityService/ListAuditEvents": role("admin"),
    "shop.inventory.v1.InventoryService/GetStock": anyone(),
    "shop.inventory.v1.InventoryService/BatchGetStock": anyone(),
    "shop.inventory.v1.InventoryService/AdjustStock": role("admin"),
    "shop.inventory.v1.InventoryService/WatchStock": anyone(),
    "shop.inventory.v1.InventoryService/Reserve": only("orders"),
    "shop.inventory.v1.InventoryService/Confirm": only("orders"),
    "shop.inventory.v1.InventoryService/Commit": only("orders"),
    "shop.inventory.v1.InventoryService/Release": only("orders"),
    "shop.inventory.v1.InventoryService/Restock": only("orders"),
    "shop.notifications.v1.NotificationsService/ListNotifications": people(),
    "shop.notifications.v1.NotificationsService/MarkRead": people(),
    "shop.notifications.v1.NotificationsService/Subscribe": people(),
    "shop.notifications.v1.NotificationsService/Chat": people("agent"),
    "shop.notifications.v1.NotificationsService/ListChats": role("agent"),
    "shop.notifications.v1.NotificationsService/JoinChat": role("agent"),
    "shop.orders.v1.OrdersService/QuoteOrder": anyone(),
    "shop.orders.v1.OrdersService/CreateOrder": people(),
    "shop.orders.v1.OrdersService/GetOrder": owner_or("admin"),
    "shop.orders.v1.OrdersService/ListOrders": people("admin"),
    "shop.orders.v1.OrdersService/CancelOrder": owner_or("admin"),
    "shop.orders.v1.OrdersService/ResolveOrder": role("admin"),
    "shop.orders.v1.OrdersService/WatchOrder": owner_or("admin"),
    "shop.payments.v1.PaymentsService/Authorize": only("orders"),
    "shop.payments.v1.PaymentsService/Capture": only("orders"),
    "shop.payments.v1.PaymentsService/Void": only("orders"),
    "shop.payments.v1.PaymentsService/Refund": only("orders"),
    "shop.payments.v1.PaymentsService/GetPayment": owner_or("admin"),
    "shop.payments.v1.PaymentsService/ListPayments": role("admin"),
    "shop.payments.v1.PaymentsService/HandleWebhook": anyone(),
    "shop.shipping.v1.ShippingService/QuoteShipping": anyone(),
    "shop.shipping.v1.ShippingService/CreateShipment": only("orders"),
    "shop.shipping.v1.ShippingService/CancelShipment": only("orders"),
    "shop.shipping.v1.ShippingService/GetShipment": owner_or("admin"),
    "shop.shipping.v1.ShippingService/TrackShipment": owner_or("admin"),
}


def contradictions(
    answers: Mapping[str, Rule], methods: Mapping[str, MethodDescriptor]
) -> list[str]:
    """Return each line that is missing, has no method, or says something else than its contract."""
    missing = [
        f"{name}: the contract says {said_by(methods[name])}; there is no line here that says so"
        for name in methods.keys() - answers.keys()
    ]
    lost = [f"{name}: no contract has it" for name in answers.keys() - methods.keys()]
    both = [
        f"{name}: the line here says {answers[name]}, the contract says {said_by(methods[name])}"
        for name in answers.keys() & methods.keys()
        if answers[name] != said_by(methods[name])
    ]
    return sorted([*missing, *lost, *both])


def said_by(method: MethodDescriptor) -> Rule | None:
    """Return what the contract says, in the words of this file; None if it says nothing."""
    option = access(method)
    match option.WhichOneof("caller"):
        case "public":
            return anyone()
        case "user" if option.user.owner:
            return owner_or(*option.user.or_roles)
        case "user":
            return people(*option.user.or_roles)
        case "roles":
            return role(*option.roles.any)
        case "internal":
            return only(*option.internal.workloads)
        case _:
            return None

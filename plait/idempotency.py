"""What a servicer says of the request that it handles, so that it counts once (AIP-155)."""

from google.protobuf.message import Message

from plait.api.v1 import options_pb2
from plait.data.claims import Claim, fingerprint
from plait.mesh.call import current


def claim_of(request: Message) -> Claim | None:
    """Return the claim of the request being handled; None if it carries no request id.

    The caller is the user, or the workload where no user calls. The store takes the claim inside
    its transaction (`Transaction.claim`). The request id is the field that the contract marks with
    `(plait.api.v1.request_id)`.

    Raises:
        ValueError: the contract marks no field of the request.
    """
    request_id: str = getattr(request, _field_of(request))
    if not request_id:
        return None
    call = current()
    who = call and (call.user or call.workload)
    return Claim(
        caller=who.name if who else "",
        method=call.method.path if call else "",
        request_id=request_id,
        fingerprint=fingerprint(request),
    )


def _field_of(request: Message) -> str:
    for field in request.DESCRIPTOR.fields:
        if field.GetOptions().Extensions[options_pb2.request_id]:
            return field.name
    raise ValueError(f"{request.DESCRIPTOR.full_name} has no field with (plait.api.v1.request_id)")

"""Promises of published keys: what identity answers is what every process reads."""

from google.protobuf.descriptor import FieldDescriptor

from plait.api.v1 import keys_pb2
from shop.identity.v1 import identity_pb2


def shape(message):
    """What decides how a message looks on the wire, and what its fields are called."""
    return {field.number: (field.name, field.type, field.is_repeated) for field in message.fields}


def test_the_key_set_of_identity_is_plaits_on_the_wire():
    ours, theirs = keys_pb2.JsonWebKeySet.DESCRIPTOR, identity_pb2.GetJwksResponse.DESCRIPTOR

    assert shape(theirs) == shape(ours) == {1: ("keys", FieldDescriptor.TYPE_MESSAGE, True)}
    assert ours.fields_by_name["keys"].message_type is keys_pb2.JsonWebKey.DESCRIPTOR
    assert theirs.fields_by_name["keys"].message_type is identity_pb2.Jwk.DESCRIPTOR


def test_each_field_of_a_key_of_identity_is_plaits_on_the_wire():
    ours, theirs = shape(keys_pb2.JsonWebKey.DESCRIPTOR), shape(identity_pb2.Jwk.DESCRIPTOR)

    assert theirs.items() <= ours.items()
    assert {ours[number][0] for number in ours.keys() - theirs.keys()} == {"y"}  # of EC keys alone


def test_a_key_set_goes_over_unchanged():
    entry = {"kty": "OKP", "crv": "Ed25519", "x": "AAA", "kid": "k", "alg": "Ed25519", "use": "sig"}
    sent = identity_pb2.GetJwksResponse(keys=[identity_pb2.Jwk(**entry)])

    read = keys_pb2.JsonWebKeySet.FromString(sent.SerializeToString())

    assert {field.name: value for field, value in read.keys[0].ListFields()} == entry

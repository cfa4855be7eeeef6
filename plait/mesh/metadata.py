"""The keys of metadata that the mesh gives a meaning."""

AUTHORIZATION = "authorization"  # `Bearer <token>` of the user
WORKLOAD = "x-plait-workload"  # the token of the calling service, for this callee
CLIENT_ADDRESS = "x-plait-client-address"  # who asked the gateway; believed of the gateway alone

"""A gRPC service mesh inside Python processes: contracts, chassis, gateway, one command."""

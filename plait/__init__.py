"""A gRPC service mesh that runs inside Python processes: contracts, chassis, gateway, one command."""

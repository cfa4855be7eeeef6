"""gRPC for asyncio: server and channel on an HTTP/2 core of our own, with grpcio's shapes."""

"""The border to a model server: its messages, the `ModelServer` protocol, the gRPC adapter, the supervisor."""

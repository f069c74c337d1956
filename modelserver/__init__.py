"""The border to a model server: its messages, the `ModelServer` protocol, gRPC adapter and supervisor."""

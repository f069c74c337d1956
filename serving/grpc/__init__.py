"""The gRPC port: Open Inference Protocol v2, and grpc.health.v1 for probes."""

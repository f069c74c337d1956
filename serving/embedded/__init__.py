"""A model server for laptops and tests that speaks TensorFlow Serving's gRPC API."""

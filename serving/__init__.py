"""The HTTP gateway: bytes in, labels out, no TensorFlow in the process."""

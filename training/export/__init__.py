"""Writes a fitted network as a version that TensorFlow Serving loads, and proves it before publishing."""

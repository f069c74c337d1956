"""The Open Inference Protocol v2 without a transport: tensors in, images out, answers as tensors.

Over HTTP it is spoken by serving/routes/oip.py, over gRPC by serving/grpc/.
"""

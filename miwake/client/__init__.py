"""The Python client of the gateway: httpx, numpy and Pillow, no TensorFlow."""

from miwake.client.answers import Candidate, Embedding, Explanation, Prediction
from miwake.client.async_client import AsyncClient
from miwake.client.errors import GatewayError, ImageError, UnavailableError
from miwake.client.image_source import ImageSource
from miwake.client.retries import Retries
from miwake.client.served_models import ModelDetails, ServedModel, ServedVersion
from miwake.client.sync_client import Client

__all__ = [
    "AsyncClient",
    "Candidate",
    "Client",
    "Embedding",
    "Explanation",
    "GatewayError",
    "ImageError",
    "ImageSource",
    "ModelDetails",
    "Prediction",
    "Retries",
    "ServedModel",
    "ServedVersion",
    "UnavailableError",
]

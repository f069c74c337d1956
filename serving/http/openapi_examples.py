"""What goes in and comes out, to be read and tried in /docs; by the schema's name, then by the example's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# One transparent pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
REQUEST_ID = "8f2c4d1e9a7b4c3d8e5f6a7b8c9d0e1f"
_ANSWER = {"model": "pets", "version": 3, "request_id": REQUEST_ID}
_FAILED = {
    "name": "notes.txt",
    "error": {"code": "unsupported_format", "detail": "not an image of an allowed format (JPEG, PNG, …)"},
}
_SUMMARY = {
    "name": "pets",
    "default": True,
    "ready": True,
    "detail": "",
    "latest": 3,
    "versions": [
        {
            "version": 3,
            "state": "AVAILABLE",
            "self_test": "passed",
            "detail": "",
            "model_servers": 2,
            "aliases": ["stable"],
        }
    ],
}
_TENSOR_IN = {"name": "image", "datatype": "BYTES", "shape": [-1]}
_TENSOR_OUT = {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]}
_SIGNATURE = {
    "inputs": {"images": {"dtype": "DT_UINT8", "tensor_shape": {"dim": [{"size": "-1"}, {"size": "224"}]}}},
    "outputs": {
        "probabilities": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1"}, {"size": "2"}]}}
    },
}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    # Requests.
    "ImagesBody": {
        "base64": {"images": [{"b64": PNG, "name": "cat.png"}]},
        "URL": {"images": [{"url": "https://images.example.com/cat.jpg"}]},
    },
    "InferBody": {
        "an encoded image": {
            "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [PNG]}],
            "outputs": [{"name": "label"}, {"name": "probability"}],
        }
    },
    "IndexRequest": {"those that answer": {"ready": True}},
    "RestPredictBody": {
        "by row": {"instances": [{"b64": PNG}]},
        "by column": {"signature_name": "embed", "inputs": {"images": [{"b64": PNG}]}},
    },
    # Answers.
    "PredictAnswer": {
        "two images": {
            **_ANSWER,
            "predictions": [
                {
                    "name": "cat.png",
                    "label": "cat",
                    "probability": 0.97,
                    "top": [{"label": "cat", "probability": 0.97}, {"label": "dog", "probability": 0.03}],
                },
                _FAILED,
            ],
        }
    },
    "ExplainAnswer": {
        "an overlay": {
            **_ANSWER,
            "explanations": [{"name": "cat.png", "label": "cat", "probability": 0.97, "overlay": PNG}],
        },
        "numbers": {
            **_ANSWER,
            "explanations": [
                {"name": None, "label": "cat", "probability": 0.97, "heatmap": [[0.0, 0.31], [0.08, 1.0]]}
            ],
        },
    },
    "EmbedAnswer": {"one image": {**_ANSWER, "embeddings": [{"name": "cat.png", "embedding": [0.6, 0.8]}]}},
    "ModelsAnswer": {"one model": {"models": [_SUMMARY]}},
    "ModelAnswer": {"a model": {**_SUMMARY, "labels": ["cat", "dog"], "unknown_threshold": 0.6}},
    "ServerMetadata": {"the gateway": {"name": "miwake", "version": "1.0", "extensions": ["classification"]}},
    "ModelMetadata": {
        "a model": {
            "name": "pets",
            "versions": ["3"],
            "platform": "tensorflow_savedmodel",
            "inputs": [_TENSOR_IN],
            "outputs": [_TENSOR_OUT],
        }
    },
    "ModelConfig": {
        "a model": {
            "name": "pets",
            "platform": "tensorflow_savedmodel",
            "max_batch_size": 64,
            "input": [{"name": "image", "data_type": "TYPE_STRING", "dims": []}],
            "output": [{"name": "probabilities", "data_type": "TYPE_FP32", "dims": [2]}],
        }
    },
    "InferAnswerBody": {
        "one image": {
            "model_name": "pets",
            "model_version": "3",
            "outputs": [{"name": "label", "datatype": "BYTES", "shape": [1], "data": ["cat"]}],
        }
    },
    "IndexEntry": {"a version": {"name": "pets", "version": "3", "state": "READY", "reason": ""}},
    "RestPredictAnswer": {
        "by row": {"predictions": [[0.97, 0.03]]},
        "by column": {"outputs": [[0.6, 0.8]]},
    },
    "ModelStatus": {
        "one version": {
            "model_version_status": [
                {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            ]
        }
    },
    "RestModelMetadata": {
        "a version": {
            "model_spec": {"name": "pets", "version": "3"},
            "metadata": {"signature_def": {"signature_def": {"serving_default": _SIGNATURE}}},
        }
    },
    "Health": {"well": {"status": "ok", "detail": ""}},
    "Live": {"alive": {"live": True}},
    "Ready": {"ready": {"ready": True}},
}

# The same schemas where the status is 503.
UNWELL: Mapping[str, Mapping[str, Any]] = {
    "Health": {"away": {"status": "unavailable", "detail": "model pets: the model server is away"}},
    "Live": {"ended": {"live": False}},
    "Ready": {"not ready": {"ready": False}},
}

# What an error of a code may say.
DETAILS: Mapping[str, str] = {
    "malformed_body": "the body is empty",
    "unauthenticated": "no credentials; send Authorization: Bearer or X-API-Key",
    "forbidden": "this key may not use that model",
    "not_found": "GET /nowhere: Not Found",
    "model_not_found": "no model 'birds'",
    "version_not_found": "model pets: there is no version 9",
    "signature_not_found": "model pets explains nothing",
    "method_not_allowed": "GET /predict: Method Not Allowed",
    "body_too_large": "more than 64 images",
    "too_many_pixels": "900000000 pixels, more than 64000000",
    "unsupported_format": "not an image of an allowed format (JPEG, PNG, …)",
    "image_undecodable": "the image is damaged",
    "invalid_parameter": "top_k: Input should be less than or equal to 1000",
    "url_refused": "the URL's host is not one of those allowed",
    "url_unreachable": "the URL's host does not answer",
    "rate_limited": "more than 20 requests a second",
    "internal": "an unexpected error; see the log",
    "contract_broken": "the model server's answer has another shape than its manifest says",
    "overloaded": "images already wait for longer than 0.5 s",
    "model_server_away": "model pets: the model server is away",
    "deadline_exceeded": "the request took longer than it may",
}

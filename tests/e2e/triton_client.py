"""Triton's stock client against a gateway; prints what it was told as JSON.

Run by an interpreter that has `tritonclient[http,grpc]`: it wants an older protobuf than the gateway does, so
it lives in an environment of its own, as a user's does. Imports nothing of this project.
"""

import argparse
import asyncio
import inspect
import json
from pathlib import Path

import numpy as np
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException

MODULES = {
    "http": tritonclient.http,
    "http-aio": tritonclient.http.aio,
    "grpc": tritonclient.grpc,
    "grpc-aio": tritonclient.grpc.aio,
}


async def settled(value):
    """The same questions serve the blocking clients and those of asyncio."""
    return await value if inspect.isawaitable(value) else value


class Asking:
    def __init__(self, kind, address, picture, pixels):
        self.module = MODULES[kind]
        self.is_http = kind.startswith("http")
        self.client = self.module.InferenceServerClient(address)
        self.picture = picture
        self.pixels = pixels

    async def infer(self, given, *, outputs=None, binary=True, model="colours", **options):
        result = await settled(
            self.client.infer(model, [given], outputs=self.outputs(outputs, binary), **options)
        )
        response = result.get_response(**({} if self.is_http else {"as_json": True}))
        names = [output["name"] for output in response["outputs"]]
        values = {name: result.as_numpy(name).tolist() for name in names}
        return {"version": response["model_version"], "id": response.get("id", ""), **texts(values)}

    def outputs(self, outputs, binary):
        if outputs is None:
            return None
        options = {"binary_data": binary} if self.is_http else {}
        return [self.module.InferRequestedOutput(name, class_count=k, **options) for name, k in outputs]

    def encoded(self, *pictures):
        given = self.module.InferInput("image", [len(pictures)], "BYTES")
        given.set_data_from_numpy(np.array(pictures, dtype=np.object_))
        return given

    def raw(self, pixels, **options):
        given = self.module.InferInput("images", list(pixels.shape), "UINT8")
        given.set_data_from_numpy(pixels, **options)
        return given

    async def refused(self, question):
        try:
            return {"answered": await question}
        except InferenceServerException as exc:
            return {"status": exc.status(), "message": exc.message()}

    async def everything(self):
        client = self.client
        told = {
            "live": await settled(client.is_server_live()),
            "ready": await settled(client.is_server_ready()),
            "model ready": await settled(client.is_model_ready("colours")),
            "version ready": await settled(client.is_model_ready("colours", "1")),
            "other version ready": await settled(client.is_model_ready("colours", "9")),
            "server metadata": await self.told(client.get_server_metadata),
            "model metadata": await self.told(client.get_model_metadata, "colours"),
            "model config": await self.told(client.get_model_config, "colours"),
            "index": await self.told(client.get_model_repository_index),
            "encoded": await self.infer(self.encoded(self.picture), request_id="job-7"),
            "pixels": await self.infer(self.raw(self.pixels)),
            "two": await self.infer(self.encoded(self.picture, self.picture)),
            "by version": await self.infer(self.encoded(self.picture), model_version="1"),
            "classes": await self.infer(
                self.encoded(self.picture), outputs=[("probabilities", 2), ("label", 0)]
            ),
            "all outputs": await self.infer(
                self.encoded(self.picture), outputs=[("embeddings", 0), ("heatmaps", 0), ("label", 0)]
            ),
            "with time": await self.infer(self.encoded(self.picture), timeout=5_000_000),
        }
        return told | await self.refusals() | (await self.only_http() if self.is_http else {})

    async def refusals(self):
        picture = self.encoded(self.picture)
        return {
            "no such model": await self.refused(self.infer(picture, model="nope")),
            "no such version": await self.refused(self.infer(picture, model_version="9")),
            "no such output": await self.refused(self.infer(picture, outputs=[("logits", 0)])),
            "a bad image": await self.refused(self.infer(self.encoded(self.picture, b"no image"))),
            "other pixels": await self.refused(self.infer(self.raw(np.zeros((1, 3, 3, 3), np.uint8)))),
            "no time": await self.refused(self.infer(picture, timeout=1)),
            "load": await self.refused(self.load()),
        }

    async def load(self):
        return await settled(self.client.load_model("colours"))

    async def only_http(self):
        asked = {"outputs": [("probabilities", 0), ("label", 0)], "binary": False}
        pixels = self.raw(self.pixels, binary_data=False)
        compressed = {"request_compression_algorithm": "gzip"}
        return {
            "json": await self.infer(pixels, **asked),
            "gzip": await self.infer(self.encoded(self.picture), **compressed),
        }

    async def told(self, question, *arguments):
        options = {} if self.is_http else {"as_json": True}
        return await settled(question(*arguments, **options))


def texts(value):
    """What JSON can hold."""
    if isinstance(value, dict):
        return {name: texts(each) for name, each in value.items()}
    if isinstance(value, list):
        return [texts(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=MODULES)
    parser.add_argument("address")
    parser.add_argument("picture", type=Path)
    parser.add_argument("pixels", type=Path, help="uint8 [N, H, W, 3] as .npy")
    arguments = parser.parse_args()
    asking = Asking(
        arguments.kind, arguments.address, arguments.picture.read_bytes(), np.load(arguments.pixels)
    )
    try:
        print(json.dumps(await asking.everything()))  # noqa: T201 - what it is for
    finally:
        await settled(asking.client.close())


if __name__ == "__main__":
    asyncio.run(main())

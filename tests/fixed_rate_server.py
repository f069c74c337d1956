"""A model server whose capacity is not this machine's: it sleeps a fixed time for each image.

    python -m tests.fixed_rate_server --images-per-second 50

prints its address once it listens. What it answers is right all the same.
"""

from __future__ import annotations

import argparse
import asyncio

from contract.image_spec import ImageSpec
from tests.colour_server import ColourServer, colour_manifest


async def serve(images_per_second: float, *, model: str, size: int, port: int) -> None:
    its_manifest = colour_manifest(name=model, spec=ImageSpec(height=size, width=size))
    server = ColourServer(its_manifest, seconds_per_image=1 / images_per_second)
    async with server.running(f"127.0.0.1:{port}") as address:
        print(address, flush=True)  # noqa: T201 - who started it reads it
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images-per-second", type=float, default=50.0)
    parser.add_argument("--model", default="toy")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(serve(given.images_per_second, model=given.model, size=given.size, port=given.port))


if __name__ == "__main__":
    main()

"""A model server whose capacity is not this machine's: it sleeps a fixed time for each image.

    python -m tests.fixed_rate_server --images-per-second 50

prints its address once it listens. What it answers is right all the same.
"""

from __future__ import annotations

import argparse
import asyncio

from contract.image_spec import ImageSpec
from tests.colour_server import ColourServer, colour_manifest, probabilities


async def serve(images_per_second: float, *, model: str, size: int, batch: int, address: str) -> None:
    spec = ImageSpec(height=size, width=size)
    its_manifest = colour_manifest(name=model, spec=spec, max_batch_size=batch)
    server = ColourServer(its_manifest, seconds_per_image=1 / images_per_second)
    # One pixel of 64 tells the colour too: what this server takes is time, and next to nothing of the cores.
    server.network = lambda images: probabilities(images[:, ::8, ::8])
    async with server.running(address) as listening:
        print(listening, flush=True)  # noqa: T201 - who started it reads it
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images-per-second", type=float, default=50.0)
    parser.add_argument("--model", default="toy")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8, help="the most images of one call")
    parser.add_argument("--address", default="127.0.0.1:0", help="HOST:PORT or unix:PATH")
    given = parser.parse_args()
    shape = {"model": given.model, "size": given.size, "batch": given.batch}
    asyncio.run(serve(given.images_per_second, **shape, address=given.address))


if __name__ == "__main__":
    main()

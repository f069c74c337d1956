"""Training and serving see the same pixels, bit for bit, whatever the file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contract.image_spec import ImageSpec
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.manifests import golden, manifest
from tests.pictures import encoded, picture
from tests.serving.gateway_client import gateway
from training.photographs import find_photographs
from training.pixels import decode_photographs


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(picture(900, 600), "JPEG", exif=exif, quality=90)


def sixteen_bit() -> bytes:
    return encoded(Image.fromarray((np.arange(60 * 40, dtype=np.uint16) * 27).reshape(40, 60)))


FILES = {
    "large.jpg": encoded(picture(1600, 1200), "JPEG", quality=90),
    "small.jpg": encoded(picture(), "JPEG"),
    "plain.png": encoded(picture(300, 200)),
    "gray.jpg": encoded(picture(500, 400).convert("L"), "JPEG"),
    "gray.png": encoded(picture().convert("L")),
    "cmyk.jpg": encoded(picture(500, 400).convert("CMYK"), "JPEG"),
    "alpha.png": encoded(Image.merge("RGBA", (*picture().split(), picture().convert("L")))),
    "palette.gif": encoded(picture(), "GIF"),
    "rotated.jpg": rotated(),
    "sixteen-bit.png": sixteen_bit(),
    "sixteen-bit.tiff": encoded(Image.open(io.BytesIO(sixteen_bit())), "TIFF"),
    "photo.webp": encoded(picture(400, 300), "WEBP"),
    "photo.avif": encoded(picture(400, 300), "AVIF"),
    "photo.bmp": encoded(picture(), "BMP"),
}
SPECS = {
    "stretch": ImageSpec(height=32, width=48),
    "crop": ImageSpec(height=32, width=32, fit="crop", filter="bicubic"),
    "pad": ImageSpec(height=40, width=40, fit="pad", fill=(9, 8, 7), filter="lanczos"),
}


def pixels_of_training(folder: Path, spec: ImageSpec) -> dict[str, np.ndarray]:
    for label in ("a", "b"):
        (folder / "photographs" / label).mkdir(parents=True)
        for name, data in FILES.items():
            (folder / "photographs" / label / name).write_bytes(data)
    found = find_photographs(folder / "photographs")
    decoded = decode_photographs(found, spec, cache=folder / "cache", progress=False)
    assert not decoded.unreadable
    return {Path(p.relative).name: decoded.pixels[n] for n, p in enumerate(decoded.photographs)}


class Recording(FakeVersion):
    """Keeps the pixels it is sent."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__(manifest(image=spec, golden=golden((0.7, 0.2, 0.1), spec=spec)))
        self.received: list[np.ndarray] = []
        answer = self.network
        self.network = lambda images: (self.received.extend(images), answer(images))[1]


async def pixels_of_serving(spec: ImageSpec) -> dict[str, np.ndarray]:
    version = Recording(spec)
    pixels = {}
    async with gateway(FakeModelServer({"toy": {1: version}})) as client:
        for name, data in FILES.items():
            version.received.clear()
            response = await client.post("/predict", files={"image": (name, data)})
            assert response.status_code == 200, response.text
            (pixels[name],) = version.received
    return pixels


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
async def test_training_and_serving_pixels_are_equal(spec: ImageSpec, tmp_path: Path) -> None:
    trained = pixels_of_training(tmp_path, spec)
    served = await pixels_of_serving(spec)

    assert trained.keys() == served.keys() == FILES.keys()
    for name in FILES:
        assert np.array_equal(trained[name], served[name]), name

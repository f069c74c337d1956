"""From what `--to` says to a target."""

from __future__ import annotations

import pytest

from contract.errors import MiwakeError, ModelFolderError
from scoring.errors import ScoringError
from scoring.row import Extras
from scoring.targets.opening import Address, open_target
from scoring.targets.target import Wanted
from tests.colour_server import ColourServer

WANTED = Wanted(top_k=1, extras=Extras(), max_pixels=10_000)


async def _pinned(address: Address) -> str:
    async with open_target(address, WANTED) as target:
        return str(await target.pin(None))


async def test_a_model_server_is_reached_by_its_address_and_a_models_name():
    async with ColourServer().running() as address:
        assert await _pinned(Address(to=f"grpc://{address}", model="toy")) == "toy version 1"


async def test_a_model_server_without_a_models_name_asks_for_one():
    with pytest.raises(ScoringError, match="--model"):
        await _pinned(Address(to="grpc://127.0.0.1:1"))


@pytest.mark.parametrize("to", ["ftp://host/models", "s3://bucket/models", "127.0.0.1:8500://"])
async def test_an_address_of_another_kind_is_refused(to):
    with pytest.raises(ScoringError, match="no http://, https:// or grpc:// address, and no model folder"):
        await _pinned(Address(to=to))


async def test_a_folder_without_a_version_is_refused(tmp_path):
    with pytest.raises(ModelFolderError):
        await _pinned(Address(to=str(tmp_path)))


@pytest.mark.parametrize("to", ["http://", "https:///models"])
async def test_a_gateways_address_without_a_host_is_one_clear_line(to):
    with pytest.raises(MiwakeError, match="is not a URL"):
        await _pinned(Address(to=to))


@pytest.mark.parametrize(
    ("to", "is_gateway"),
    [
        ("http://gateway:8000", True),
        ("https://gateway", True),
        ("grpc://tf:8500", False),
        ("models/toy", False),
    ],
)
def test_a_gateway_is_known_by_its_protocol(to, is_gateway):
    assert Address(to=to).is_gateway == is_gateway


def test_an_address_shows_no_key():
    assert "secret" not in repr(Address(to="http://gateway", api_key="secret"))

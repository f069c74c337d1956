"""Parts of an archive without a coordinator: their union is the whole, and no two share a photograph."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.sources.listed import Listed, Shard
from scoring.sources.listing import list_source


def _listed(count: int) -> list[Listed]:
    return [Listed(f"/mnt/archive/{n % 7}/{n}.jpg", f"{n % 7}/{n}.jpg") for n in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_each_photograph_is_in_exactly_one_shard(count):
    shards = [Shard(index, count) for index in range(count)]

    assert all(sum(shard.holds(listed) for shard in shards) == 1 for listed in _listed(500))


def test_shards_are_about_equal_though_folders_are_not():
    sizes = [sum(Shard(index, 4).holds(listed) for listed in _listed(4000)) for index in range(4)]

    assert all(900 < size < 1100 for size in sizes)


def test_it_does_not_matter_where_the_source_is_mounted(tmp_path):
    for mount in ("here", "there/and/deeper"):
        for name in ("a.jpg", "x/b.jpg", "x/c.jpg", "d.jpg"):
            path = tmp_path / mount / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def held(folder: Path) -> list[str]:
        return [listed.relative for listed in list_source(str(folder)) if Shard(1, 3).holds(listed)]

    assert held(tmp_path / "here") == held(tmp_path / "there/and/deeper")


def test_the_same_photographs_are_held_by_every_build():
    held = [listed.relative for listed in _listed(12) if Shard(0, 3).holds(listed)]

    assert held == ["1/1.jpg", "2/2.jpg", "3/3.jpg"]


def test_a_name_that_is_no_utf8_has_its_shard():
    odd = Listed("caf\udce9.jpg", "caf\udce9.jpg")

    assert sum(Shard(index, 5).holds(odd) for index in range(5)) == 1


@pytest.mark.parametrize(("index", "count"), [(-1, 3), (3, 3), (0, 0), (0, -1)])
def test_what_is_no_shard_is_refused(index, count):
    with pytest.raises(ValueError, match=r"there is no shard|at least 1"):
        Shard(index, count)

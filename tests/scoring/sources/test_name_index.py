"""Names kept on the disk."""

from __future__ import annotations

import pytest

from scoring.sources.name_index import NameIndex


def test_names_come_in_order_with_their_facts():
    index = NameIndex([("b", [1, "two"]), ("é", None), ("a", {"x": True})])

    assert list(index.in_order()) == [("a", {"x": True}), ("b", [1, "two"]), ("é", None)]
    assert list(index) == ["a", "b", "é"]
    assert len(index) == 3


def test_one_is_found_by_its_name_and_none_by_another():
    index = NameIndex([("caf\udce9", 1), ("a", 2), ("a", 3)])

    assert index["caf\udce9"] == 1
    assert index["a"] == 3
    assert "b" not in index
    with pytest.raises(KeyError, match="b"):
        index["b"]


def test_none_are_an_index_too():
    assert not NameIndex([])


def test_an_error_of_who_gives_the_names_is_not_changed():
    def names():
        yield "a", 1
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        NameIndex(names())

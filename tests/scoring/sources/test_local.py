"""Files, folders and globs of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scoring.errors import SourceError
from scoring.sources.listed import Listed
from scoring.sources.listing import list_source


def _files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode("utf-8", "surrogateescape"))
    return folder


def _relative(source: str | Path) -> list[str]:
    return [listed.relative for listed in list_source(str(source))]


def test_a_file_is_itself_under_its_own_name(tmp_path):
    _files(tmp_path, "roses/a.jpg")

    [found] = list_source(f"{tmp_path}/roses/a.jpg")

    assert found == Listed(f"{tmp_path}/roses/a.jpg", "a.jpg")


def test_a_folder_is_listed_by_name_folder_by_folder_however_its_file_system_keeps_it(tmp_path):
    _files(tmp_path, "b.jpg", "a/z.jpg", "c/b/1.jpg", "c/a.jpg", "a/y.jpg", "B.jpg")

    assert _relative(tmp_path) == ["B.jpg", "a/y.jpg", "a/z.jpg", "b.jpg", "c/a.jpg", "c/b/1.jpg"]


def test_what_is_listed_can_be_read_by_its_path(tmp_path):
    _files(tmp_path, "a/z.jpg", "b.jpg")

    found = [Path(listed.path).read_text() for listed in list_source(f"{tmp_path}/")]

    assert found == ["a/z.jpg", "b.jpg"]


def test_hidden_files_and_folders_are_left_out_but_for_the_source_itself(tmp_path):
    _files(tmp_path, ".photographs/a.jpg", ".photographs/.DS_Store", ".photographs/.thumbnails/a.jpg")

    assert _relative(tmp_path / ".photographs") == ["a.jpg"]
    assert _relative(tmp_path) == []


def test_a_link_to_a_file_is_a_photograph_and_a_link_to_a_folder_is_not_followed(tmp_path):
    _files(tmp_path, "in/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "in" / "linked.jpg").symlink_to(tmp_path / "elsewhere" / "b.jpg")
    (tmp_path / "in" / "up").symlink_to(tmp_path, target_is_directory=True)

    assert _relative(tmp_path / "in") == ["a.jpg", "linked.jpg"]


def test_a_link_that_leads_nowhere_is_listed_so_that_its_row_says_so(tmp_path):
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "gone.jpg")

    assert _relative(tmp_path) == ["lost.jpg"]


def test_a_link_in_a_circle_is_listed_too_and_stops_nothing(tmp_path):
    _files(tmp_path, "a.jpg")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")

    assert _relative(tmp_path) == ["a.jpg", "circle.jpg"]


def test_a_pipe_is_no_photograph(tmp_path):
    _files(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")

    assert _relative(tmp_path) == ["a.jpg"]


def test_an_empty_folder_has_no_photographs_and_is_no_error(tmp_path):
    assert _relative(tmp_path) == []


def test_names_that_are_no_utf8_keep_their_bytes(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    _files(tmp_path, name)

    [found] = list_source(str(tmp_path))

    assert os.fsencode(found.path) == os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    assert Path(found.path).is_file()


def test_what_looks_like_a_chain_of_urls_is_a_file_all_the_same(tmp_path):
    _files(tmp_path, "a::b.jpg")

    assert _relative(f"{tmp_path}/a::b.jpg") == ["a::b.jpg"]


@pytest.mark.parametrize("pattern", ["*.jpg", "roses/../*.jpg", "**/[a-b].jpg"])
def test_a_glob_is_relative_to_the_folder_before_its_first_wildcard(tmp_path, pattern):
    _files(tmp_path, "b.jpg", "a.jpg", "a.png", "roses/.keep")

    found = list(list_source(f"{tmp_path}/{pattern}"))

    assert [listed.relative for listed in found] == ["a.jpg", "b.jpg"]
    assert all(Path(listed.path).is_file() for listed in found)


def test_two_stars_reach_into_folders_below_and_pass_over_hidden_ones(tmp_path):
    _files(tmp_path, "a.jpg", "x/b.jpg", "x/y/c.jpg", ".z/d.jpg", "x/folder.jpg/e.png")

    assert _relative(f"{tmp_path}/**/*.jpg") == ["a.jpg", "x/b.jpg", "x/y/c.jpg"]


def test_a_glob_from_the_working_folder_is_shown_as_it_was_given(tmp_path, monkeypatch):
    _files(tmp_path, "roses/a.jpg")
    monkeypatch.chdir(tmp_path)

    assert list(list_source("ros*/*.jpg")) == [Listed("roses/a.jpg", "roses/a.jpg")]
    assert list(list_source("./roses/*.jpg")) == [Listed("./roses/a.jpg", "a.jpg")]


def test_a_doubled_slash_before_the_wildcard_cuts_nothing_off(tmp_path):
    _files(tmp_path, "roses/a.jpg")

    assert _relative(f"{tmp_path}//roses//*.jpg") == ["a.jpg"]


def test_a_file_whose_name_has_wildcards_is_taken_by_its_name(tmp_path):
    _files(tmp_path, "[1].jpg", "1.jpg")

    assert _relative(tmp_path / "[1].jpg") == ["[1].jpg"]


def test_a_folder_whose_name_has_wildcards_is_taken_by_its_name(tmp_path):
    _files(tmp_path, "[1]/a.jpg", "1/b.jpg")

    assert _relative(tmp_path / "[1]") == ["a.jpg"]


def test_a_glob_follows_no_links_to_folders_and_ends_where_they_lead_back(tmp_path):
    _files(tmp_path, "in/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "in" / "up").symlink_to(tmp_path, target_is_directory=True)

    assert _relative(f"{tmp_path}/in/**") == ["a.jpg"]
    assert _relative(f"{tmp_path}/*/*.jpg") == ["elsewhere/b.jpg", "in/a.jpg"]


def test_a_path_by_its_url_is_that_path(tmp_path, monkeypatch):
    _files(tmp_path, "roses/a.jpg", "roses/b.jpg")
    (tmp_path / "roses" / "up").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(tmp_path / "roses" / "pipe.jpg")
    monkeypatch.chdir(tmp_path)
    found = [Listed(f"{tmp_path}/roses/{name}", name) for name in ("a.jpg", "b.jpg")]

    assert list(list_source(f"file://{tmp_path}/roses")) == found
    assert list(list_source(f"file://{tmp_path}/roses/*.jpg")) == found
    uppermost = f"/[{tmp_path.parts[1][0]}]{tmp_path.parts[1][1:]}"
    folders = "/".join(tmp_path.parts[2:])
    assert _relative(f"file://{uppermost}/{folders}/roses/a.*") == [
        f"{tmp_path.parts[1]}/{folders}/roses/a.jpg"
    ]


@pytest.mark.parametrize(
    ("source", "why"), [("gone", "no such file or folder"), ("*.jpg", "no file matches")]
)
def test_nothing_there_is_an_error_that_names_the_source(tmp_path, source, why):
    with pytest.raises(SourceError, match=f"{source.replace('*', '.')}: {why}"):
        list(list_source(f"{tmp_path}/{source}"))


def test_a_folder_that_is_gone_when_its_turn_comes_is_an_error(tmp_path):
    _files(tmp_path, "a.jpg", "b/c.jpg")
    found = list_source(str(tmp_path))
    next(found)
    (tmp_path / "b" / "c.jpg").unlink()
    (tmp_path / "b").rmdir()

    with pytest.raises(SourceError, match=r"/b: No such file"):
        list(found)

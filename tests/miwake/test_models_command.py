"""`miwake models`: what a person reads, and the exit status."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from miwake.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["models", *map(str, arguments)])


def test_a_version_goes_from_publication_to_stable_and_back(models: Path, tmp_path: Path) -> None:
    finished = tmp_path / "run" / "11"
    shutil.copytree(models / "toy" / "9", finished)

    published = run("publish", models, finished)
    promoted = [run("promote", models, "toy", version) for version in (9, 11)]
    canary = run("promote", models, "toy", 10, "--alias", "canary")
    rolled_back = run("rollback", models, "toy")

    assert published.output == f"toy version 11: {models / 'toy' / '11'}\n"
    assert [result.output for result in promoted] == ["toy stable: version 9\n", "toy stable: version 11\n"]
    assert canary.output == "toy canary: version 10\n"
    assert rolled_back.output == "toy stable: version 9\n"
    assert "aliases = {stable = 9, previous = 11, canary = 10}" in (models / "models.toml").read_text()
    assert "versions: 9 versions: 10 versions: 11" in (models / "models.config").read_text()


def test_a_published_model_that_is_not_served_is_warned_of(models: Path, tmp_path: Path) -> None:
    finished = tmp_path / "run" / "11"
    shutil.copytree(models / "toy" / "9", finished)
    (models / "models.toml").write_text('default = "other"\n[models.other]\n')

    published = run("publish", models, finished)

    assert published.exit_code == 0
    assert published.output.splitlines() == [
        f"toy version 11: {models / 'toy' / '11'}",
        f"warning: {models / 'models.toml'} does not name toy: it is not served",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("promote", "toy", "2"),
        ("promote", "roses", "1"),
        ("rollback", "toy"),
        ("publish", "toy/9"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_1(models: Path, arguments: tuple[str, ...]) -> None:
    command, first, *rest = arguments
    second = models / first if command == "publish" else first

    result = run(command, models, second, *rest)

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert not (models / "models.toml").exists()


def test_warnings_alone_leave_the_status_at_0_and_an_error_does_not(models: Path) -> None:
    warned = run("lint", models)
    (models / "toy" / "9" / "saved_model.pb").unlink()
    failed = run("lint", models)

    assert warned.exit_code == 0
    assert {line.split(":")[0] for line in warned.output.splitlines()} == {"warning"}
    assert failed.exit_code == 1
    assert f"error: {models / 'toy' / '9'}: saved_model.pb is missing\n" in failed.output


def test_the_configuration_is_written_after_a_change_by_hand(models: Path) -> None:
    run("promote", models, "toy", 9)
    text = (models / "models.toml").read_text()
    (models / "models.toml").write_text(text.replace("stable = 9", "stable = 1"))

    result = run("config", models)

    assert result.output == f"{models / 'models.config'}\n"
    assert "versions: 1 versions: 10" in (models / "models.config").read_text()
    assert "out of date" not in run("lint", models).output


@pytest.mark.tensorflow
@pytest.mark.slow
def test_loading_finds_what_files_do_not_tell(tmp_path: Path) -> None:
    from tests.colour_model import publish_colours, write_version_that_answers_otherwise

    models = tmp_path / "models"
    publish_colours(models / "colours")
    write_version_that_answers_otherwise(models / "colours" / "2")
    manifest = models / "colours" / "1" / "assets.extra" / "manifest.json"
    shutil.copytree(manifest.parent, models / "colours" / "2" / "assets.extra")

    by_files = run("lint", models)
    by_loading = run("lint", models, "--load")

    assert (by_files.exit_code, by_files.output) == (0, "")
    assert by_loading.exit_code == 1
    assert by_loading.output.startswith(f"error: {models / 'colours' / '2'}: golden examples: ")
    assert by_loading.output.count("\n") == 1

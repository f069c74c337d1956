"""`miwake keys`: the key is seen once, its digest stays."""

from __future__ import annotations

import hashlib
import re
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from miwake.cli import main
from serving.callers.keys_file import parse_keys
from serving.callers.new_keys import Allowance, add_key


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["keys", *map(str, arguments)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def test_a_new_key_is_printed_alone_and_its_digest_is_filed(path: Path) -> None:
    result = run("new", "shop", "--file", path)

    key = result.stdout.strip()
    (filed,) = parse_keys(path.read_bytes())
    assert re.fullmatch(r"mwk_[A-Za-z0-9_-]{43}", key)  # 256 bits
    assert filed.digest == hashlib.sha256(key.encode()).digest()
    assert key not in path.read_text()
    assert key not in result.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_two_keys_are_alike(path: Path) -> None:
    keys = {add_key(path, f"key-{number}", Allowance()) for number in range(20)}

    assert len(keys) == 20


def test_what_a_key_may_do_is_filed_and_listed(path: Path) -> None:
    run(
        *("new", "shop", "--file", path, "--requests-per-second", 2.5, "--burst", 7),
        *("--model", "flowers", "--model", "hands", "--expires", "2027-01-02"),
    )
    result = run("list", "--file", path)

    (key,) = parse_keys(path.read_bytes())
    assert key.caller.rate is not None
    assert (key.caller.rate.requests_per_second, key.caller.rate.burst) == (2.5, 7)
    assert result.stdout == (
        f"shop  key:{key.digest.hex()[:12]}  2.5 requests/s, 7 at once; models flowers, hands; "
        "until 2027-01-02 00:00:00 UTC\n"
    )


def test_a_revoked_key_is_gone_and_the_last_leaves_an_empty_table(path: Path) -> None:
    add_key(path, "a", Allowance())
    add_key(path, "b", Allowance())

    first = run("revoke", "a", "--file", path)
    left = [key.name for key in parse_keys(path.read_bytes())]
    run("revoke", "b", "--file", path)

    assert (first.exit_code, left) == (0, ["b"])
    assert parse_keys(path.read_bytes()) == ()
    assert run("list", "--file", path).stdout == ""


def test_comments_mode_and_other_keys_stay_as_they_are(path: Path) -> None:
    add_key(path, "a", Allowance())
    text = f"# Ours.\n{path.read_text()}burst = 2 # two\nrequests_per_second = 1\n"
    path.write_text(text)
    path.chmod(0o640)

    add_key(path, "b", Allowance())

    assert path.read_text().startswith(text)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link.toml").symlink_to(path)

    add_key(tmp_path / "link.toml", "a", Allowance())

    assert (tmp_path / "link.toml").is_symlink()
    assert len(parse_keys(path.read_bytes())) == 1


def test_commands_at_the_same_time_lose_no_key(path: Path) -> None:
    threads = [
        threading.Thread(target=add_key, args=(path, f"key-{number}", Allowance())) for number in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(parse_keys(path.read_bytes())) == 16
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["new", "shop"], "has a key shop already"),
        (["new", "a b"], "should match pattern"),
        (["new", "x", "--burst", "2"], "burst needs requests_per_second"),
        (["revoke", "nobody"], "has no key nobody"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    arguments: list[str], text: str, path: Path
) -> None:
    add_key(path, "shop", Allowance())
    before = path.read_bytes()

    result = run(*arguments, "--file", path)

    assert result.exit_code == 1
    assert text in result.stderr
    assert result.stderr.count("\n") == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", [["new", "x"], ["list"], ["revoke", "x"]])
def test_a_broken_file_is_not_touched(command: list[str], path: Path) -> None:
    path.write_text("keys = 3")

    result = run(*command, "--file", path)

    assert (result.exit_code, path.read_text()) == (1, "keys = 3")
    assert "keys.toml: keys: " in result.stderr


def test_a_missing_file_has_nothing_to_list_or_revoke(path: Path) -> None:
    for command in (["list"], ["revoke", "x"]):
        assert run(*command, "--file", path).exit_code == 1

"""What of an archive a URL asks for: `zip://x/*.jpg::…`, `zip://x::…`, `zip://x/a.jpg::…`, `zip://::…`."""

from __future__ import annotations

from collections.abc import Iterator

from scoring.sources.name_index import NameIndex
from scoring.sources.plain_name import plain_name
from scoring.sources.wildcards import fixed_part, has_wildcard, matching


def members_of(names: NameIndex, wanted: str) -> Iterator[tuple[str, str]]:
    """Each name in order, also relative to what was asked for.

    Args:
        names: of all files.
        wanted: a file, a folder, a glob, or empty for all.
    """
    wanted = plain_name(wanted)
    if wanted in names:
        yield wanted, wanted.rpartition("/")[2]
        return
    start = fixed_part(wanted)
    below = f"{start}/" if start else ""
    matches = matching(wanted) if has_wildcard(wanted) else None
    for name in names:
        if name.startswith(below) and (matches is None or matches(name)):
            yield name, name.removeprefix(below)

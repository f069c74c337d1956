"""When a server asks to come back: RFC 9110, section 10.2.3."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """From now on; None where it does not say, or not in a way that can be read.

    A date is compared with the answer's own: the two clocks need not agree.
    """
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    then, now = _date(text), _date(headers.get("date", ""))
    return None if then is None or now is None else max(0.0, (then - now).total_seconds())


def _date(text: str) -> datetime | None:
    """One without a time zone is none: HTTP's are all of GMT."""
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else None

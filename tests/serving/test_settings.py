from __future__ import annotations

import pytest
from pydantic import ValidationError

from serving.settings import Settings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIWAKE_MODELS", "flowers, hand-signs")
    monkeypatch.setenv("MIWAKE_TIMEOUT_SECONDS", "2.5")

    settings = Settings()

    assert (settings.models, settings.default, settings.timeout_seconds) == (
        ("flowers", "hand-signs"),
        "flowers",
        2.5,
    )


def test_arguments_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIWAKE_PORT", "1234")

    assert Settings(models=("toy",), port=4321).port == 4321


@pytest.mark.parametrize(
    "changes",
    [
        {"models": ()},
        {"default_model": "other"},
        {"timeout_seconds": 0},
        {"max_image_pixels": 10**9},
        {"port": 70_000},
    ],
)
def test_a_setting_out_of_range_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(**({"models": ("toy",)} | changes))  # type: ignore[arg-type]

from __future__ import annotations

import pytest
from pydantic import ValidationError

from serving.settings import Settings, unknown_names


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIWAKE_MODEL_SERVER", "tf-serving:8500")
    monkeypatch.setenv("MIWAKE_TIMEOUT_SECONDS", "2.5")

    settings = Settings()

    assert (settings.model_server, settings.timeout_seconds) == ("tf-serving:8500", 2.5)


def test_arguments_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIWAKE_PORT", "1234")

    assert Settings(port=4321).port == 4321


@pytest.mark.parametrize(
    "changes",
    [
        {"model_server": "somewhere"},
        {"timeout_seconds": 0},
        {"retry_share": 2},
        {"max_image_pixels": 10**9},
        {"port": 70_000},
    ],
)
def test_a_setting_out_of_range_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(**changes)  # type: ignore[arg-type]


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIWAKE_KEYS_FILE", "")
    monkeypatch.setenv("MIWAKE_GRPC_PORT", "")

    assert (Settings().keys_file, Settings().grpc_port) == (None, None)


def test_a_misspelt_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIWAKE_MAX_BODY_BYTE", "1")
    monkeypatch.setenv("MIWAKE_MAX_BODY_BYTES", "1")

    assert unknown_names() == ["MIWAKE_MAX_BODY_BYTE"]

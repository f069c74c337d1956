"""The one entry for every port, without any transport."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from serving.callers.api_keys import ApiKeys, key_digest
from serving.callers.caller import ANYONE, Caller, Rate
from serving.callers.caller_metrics import OTHERS, CallerMetrics
from serving.callers.callers import Callers
from serving.callers.errors import ForbiddenError, RateLimitedError, UnauthenticatedError
from serving.callers.keys_file import parse_keys
from serving.callers.new_keys import Allowance, add_key
from serving.callers.token_buckets import TokenBuckets
from serving.callers.tokens import Tokens, parse_key_set
from serving.watched_file import WatchedFile
from tests.clock import Clock
from tests.serving.callers.signed_tokens import AUDIENCE, ISSUER, Signer, write_key_set

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def api_keys(path: Path, *, now: datetime = NEW_YEAR) -> ApiKeys:
    return ApiKeys(WatchedFile(path, parse_keys), now=lambda: now)


def test_where_nobody_is_known_anyone_may_call() -> None:
    callers = Callers()

    assert not callers.are_known
    assert callers.authenticate({"authorization": "Basic nonsense"}) is ANYONE
    callers.spend(ANYONE)


def test_each_key_is_its_own_caller(path: Path) -> None:
    keys = [add_key(path, name, Allowance()) for name in ("first", "second", "third")]
    callers = Callers(keys=api_keys(path))

    assert callers.are_known
    for key in keys:
        assert callers.authenticate({"x-api-key": key}).digest == f"key:{key_digest(key).hex()[:12]}"


def test_a_part_of_a_key_or_more_than_it_is_nobodys(path: Path) -> None:
    key = add_key(path, "shop", Allowance())
    digest = parse_keys(path.read_bytes())[0].digest.hex()
    callers = Callers(keys=api_keys(path))

    for wrong in (key[:-1], key + "A", key.swapcase(), key.removeprefix("mwk_"), "shop", digest):
        with pytest.raises(UnauthenticatedError, match="not known"):
            callers.authenticate({"x-api-key": wrong})


def test_a_file_without_keys_lets_nobody_in(path: Path) -> None:
    path.write_text("[keys]\n")

    with pytest.raises(UnauthenticatedError):
        Callers(keys=api_keys(path)).authenticate({"x-api-key": "mwk_any"})


def test_a_key_ends_when_its_time_is_over(path: Path) -> None:
    key = add_key(path, "shop", Allowance(expires=NEW_YEAR))
    before = Callers(keys=api_keys(path, now=datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)))
    after = Callers(keys=api_keys(path))

    assert before.authenticate({"x-api-key": key}).digest.startswith("key:")
    with pytest.raises(UnauthenticatedError, match="expired"):
        after.authenticate({"x-api-key": key})


def test_a_token_is_no_api_key_and_a_key_is_no_token(path: Path, tmp_path: Path) -> None:
    signer = Signer("EdDSA")
    file = WatchedFile(write_key_set(tmp_path / "jwks.json", signer.jwk()), parse_key_set)
    tokens = Tokens(file, issuer=ISSUER, audience=AUDIENCE)
    key = add_key(path, "shop", Allowance())
    for callers, headers in (
        (Callers(tokens=tokens), {"x-api-key": signer.token()}),
        (Callers(tokens=tokens), {"authorization": f"Bearer {key}"}),
        (Callers(keys=api_keys(path)), {"authorization": f"Bearer {signer.token()}"}),
        (Callers(keys=api_keys(path), tokens=tokens), {"x-api-key": signer.token()}),
    ):
        with pytest.raises(UnauthenticatedError):
            callers.authenticate(headers)


def test_a_caller_may_use_its_own_models_alone() -> None:
    caller = Caller(digest="key:0", models=frozenset({"flowers"}))

    caller.require("flowers")
    with pytest.raises(ForbiddenError):
        caller.require("hands")
    with pytest.raises(ForbiddenError):
        Caller(digest="key:0", models=frozenset()).require("flowers")
    Caller(digest="key:1").require("anything")


def test_a_caller_is_told_whole_seconds_to_wait(path: Path) -> None:
    key = add_key(path, "shop", Allowance(requests_per_second=0.4, burst=1))
    clock = Clock()
    callers = Callers(keys=api_keys(path), buckets=TokenBuckets(clock=clock))
    caller = callers.authenticate({"x-api-key": key})
    callers.spend(caller)

    with pytest.raises(RateLimitedError) as raised:
        callers.spend(caller)
    clock.turn(raised.value.retry_after_seconds)
    callers.spend(caller)

    assert raised.value.retry_after_seconds == 3  # 1 / 0.4 is 2.5


def test_the_deployments_rate_is_for_callers_without_their_own(path: Path) -> None:
    deployment = Rate(requests_per_second=5, burst=5)
    plain = add_key(path, "plain", Allowance())
    own = add_key(path, "own", Allowance(requests_per_second=1))
    callers = Callers(keys=api_keys(path), rate=deployment)

    assert callers.authenticate({"x-api-key": plain}).rate == deployment
    assert callers.authenticate({"x-api-key": own}).rate == Rate(requests_per_second=1, burst=1)


def test_of_endless_callers_only_so_many_are_named_in_the_metrics() -> None:
    registry = CollectorRegistry()
    metrics = CallerMetrics(registry, max_callers=2)
    for name in ("a", "b", "c", "d", "a"):
        metrics.count(name, "admitted")

    def requests(name: str) -> float | None:
        return registry.get_sample_value(
            "miwake_caller_requests_total", {"caller": name, "result": "admitted"}
        )

    assert (requests("a"), requests("b"), requests("c"), requests(OTHERS)) == (2, 1, None, 2)

from __future__ import annotations

import grpc

from serving.grpc.statuses import STATUS_BY_CODE
from serving.http.problems import STATUS_BY_CODE as HTTP_STATUS_BY_CODE


def test_every_code_has_a_status_on_both_ports() -> None:
    assert STATUS_BY_CODE.keys() == HTTP_STATUS_BY_CODE.keys()


def test_whose_fault_it_is_is_told_alike_on_both_ports() -> None:
    ours = {
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }

    assert all(
        (status >= 500) == (STATUS_BY_CODE[code] in ours) for code, status in HTTP_STATUS_BY_CODE.items()
    )


def test_what_may_be_tried_again_at_once_is_unavailable_and_nothing_else_is() -> None:
    unavailable = {code for code, status in STATUS_BY_CODE.items() if status is grpc.StatusCode.UNAVAILABLE}

    assert unavailable == {code for code, status in HTTP_STATUS_BY_CODE.items() if status == 503}

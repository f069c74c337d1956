from __future__ import annotations

import pytest

from serving.telemetry.trace_context import TraceContext, incoming_trace, own_span

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_the_standards_own_example_is_read() -> None:
    parent = incoming_trace([f"00-{TRACE}-{SPAN}-01"], ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"])

    assert parent == TraceContext(
        trace_id=TRACE, span_id=SPAN, sampled=True, state="rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"01-{TRACE}-{SPAN}-01-{'a' * 1000}",
    ],
)
def test_what_breaks_the_standard_is_not_believed(header: str) -> None:
    assert incoming_trace([header]) is None


def test_several_parents_are_none() -> None:
    assert incoming_trace([f"00-{TRACE}-{SPAN}-01"] * 2) is None
    assert incoming_trace([]) is None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    parent = incoming_trace([f"cc-{TRACE}-{SPAN}-09-what-the-future-brings"])

    assert parent is not None
    assert (parent.trace_id, parent.sampled) == (TRACE, True)
    assert parent.traceparent == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("state", ["a=1\r\nX-Evil: 1", "a=\u2028", "a" * 513])
def test_a_state_that_could_do_harm_is_left_out_and_the_parent_kept(state: str) -> None:
    parent = incoming_trace([f"00-{TRACE}-{SPAN}-00"], [state])

    assert parent == TraceContext(trace_id=TRACE, span_id=SPAN)


def test_an_own_span_stays_in_its_parents_trace() -> None:
    parent = TraceContext(trace_id=TRACE, span_id=SPAN, sampled=True, state="a=1")

    span = own_span(parent)

    assert (span.trace_id, span.sampled, span.state) == (TRACE, True, "a=1")
    assert span.span_id != SPAN
    assert span.headers() == (("traceparent", f"00-{TRACE}-{span.span_id}-01"), ("tracestate", "a=1"))


def test_without_a_parent_a_trace_begins() -> None:
    one, other = own_span(None), own_span(None)

    assert one.trace_id != other.trace_id
    assert incoming_trace([one.traceparent]) == one

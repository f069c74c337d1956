"""What a PromQL expression asks for, by Prometheus' own grammar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser


@dataclass(frozen=True)
class Asked:
    """A metric, and the labels that the expression takes it to have."""

    metric: str
    labels: frozenset[str]


def asked_for(expression: str) -> frozenset[Asked]:
    """Every metric selected, with the labels of its matchers and of the aggregations around it."""
    return frozenset(_walk(promql_parser.parse(expression), frozenset()))


def _walk(node: Any, labels: frozenset[str]) -> Iterator[Asked]:
    if isinstance(node, promql_parser.VectorSelector):
        yield Asked(node.name, labels | {matcher.name for matcher in node.matchers.matchers})
    elif isinstance(node, promql_parser.MatrixSelector):
        yield from _walk(node.vector_selector, labels)
    elif isinstance(node, promql_parser.Call):
        for argument in node.args:
            yield from _walk(argument, labels)
    elif isinstance(node, promql_parser.AggregateExpr):
        yield from _walk(node.expr, labels | set(node.modifier.labels if node.modifier else ()))
    elif isinstance(node, promql_parser.BinaryExpr):
        yield from _walk(node.lhs, labels)
        yield from _walk(node.rhs, labels)
    elif isinstance(node, (promql_parser.ParenExpr, promql_parser.UnaryExpr)):
        yield from _walk(node.expr, labels)
    else:
        assert isinstance(node, (promql_parser.NumberLiteral, promql_parser.StringLiteral)), type(node)

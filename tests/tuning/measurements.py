"""Measurements written by hand."""

from __future__ import annotations

from tuning.measurement import Load, Measurement


def measured(batch_size: int, calls: int, *, images_per_second: float, p99: float) -> Measurement:
    load = Load(batch_size=batch_size, calls_in_flight=calls)
    return Measurement(load=load, images_per_second=images_per_second, p50_seconds=p99 / 2, p99_seconds=p99)

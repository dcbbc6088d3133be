"""Metrics of a catalogue, in a registry of their own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from headrace_consumers.telemetry import catalogue as c


class RegisteredMetrics:
    """Thread-safe; no method blocks. Those who inherit name what happens."""

    def __init__(self, catalogue: Iterable[c.Metric]) -> None:
        self.registry = CollectorRegistry()
        metrics = tuple(catalogue)
        self._counters = {metric.name: self._counter(metric) for metric in metrics if metric.kind is c.Kind.COUNTER}
        self._gauges = {metric.name: self._gauge(metric) for metric in metrics if metric.kind is c.Kind.GAUGE}
        self._histograms = {
            metric.name: self._histogram(metric) for metric in metrics if metric.kind is c.Kind.HISTOGRAM
        }
        self._gauges[c.MEMORY.name].set_function(resident_bytes)

    def exposition(self) -> bytes:
        """Prometheus's text format."""
        return generate_latest(self.registry)

    def _count(self, metric: c.Metric, amount: float, *labels: str) -> None:
        counter = self._counters[metric.name]
        (counter.labels(*labels) if labels else counter).inc(amount)

    def _counter(self, metric: c.Metric) -> Counter:
        return Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _gauge(self, metric: c.Metric) -> Gauge:
        return Gauge(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _histogram(self, metric: c.Metric) -> Histogram:
        return Histogram(metric.name, metric.meaning, metric.labels, registry=self.registry, buckets=metric.buckets)


def resident_bytes() -> float:
    """Resident memory of this process now."""
    return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

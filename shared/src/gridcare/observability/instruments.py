"""Typed metric instruments whose labels come from closed sets.

A label value outside its set is counted under `other`, so that neither a bug nor a caller can grow the number of series
or put an id or personal data into one. prometheus_client is imported here and nowhere else.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase

NAMESPACE: Final = "gridcare"
REGISTRY: Final = prometheus_client.CollectorRegistry()
CONTENT_TYPE: Final = prometheus_client.CONTENT_TYPE_LATEST
OTHER: Final = "other"

prometheus_client.ProcessCollector(registry=REGISTRY)

M = TypeVar("M", bound=MetricWrapperBase)


class Values(Protocol):
    """The closed set of values of a label."""

    def fold(self, value: str) -> str:
        """Return the value if it belongs to the set, else `other`."""


@dataclass(frozen=True)
class OneOf:
    """Values that are listed where the metric is declared."""

    values: frozenset[str]

    def fold(self, value: str) -> str:
        return value if value in self.values else OTHER


class Named:
    """Values that are declared elsewhere in the code (topics, route templates, reason codes): few, and of one shape.

    The first `values_max` that match the shape are kept; later ones become `other`.
    """

    def __init__(self, shape: str, *, values_max: int) -> None:
        self._shape = re.compile(shape)
        self._values_max = values_max
        self._seen: set[str] = set()

    def fold(self, value: str) -> str:
        if value in self._seen:
            return value
        if len(self._seen) >= self._values_max or not self._shape.fullmatch(value):
            return OTHER
        self._seen.add(value)
        return value


def one_of(*values: str) -> OneOf:
    """Return the closed set of these values."""
    return OneOf(frozenset(values))


class _Instrument(Generic[M]):
    def __init__(self, metric: M, labels: Mapping[str, Values]) -> None:
        self._metric = metric
        self._labels = labels
        self._series: dict[tuple[str, ...], M] = {}

    def _of(self, labels: Mapping[str, str]) -> M:
        """Return the series with these labels. Raises KeyError if a label is missing or not declared."""
        if not self._labels and not labels:
            return self._metric
        if labels.keys() != self._labels.keys():
            raise KeyError(f"labels {sorted(labels)} are not {sorted(self._labels)}")
        values = tuple(known.fold(labels[name]) for name, known in self._labels.items())
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = self._metric.labels(*values)
        return series


class Counter(_Instrument[prometheus_client.Counter]):
    """Counts what happened; it never goes down."""

    def __init__(self, name: str, description: str, labels: Mapping[str, Values] | None = None) -> None:
        named = labels or {}
        metric = prometheus_client.Counter(name, description, tuple(named), namespace=NAMESPACE, registry=REGISTRY)
        super().__init__(metric, named)

    def inc(self, amount: float = 1, **labels: str) -> None:
        self._of(labels).inc(amount)


class Gauge(_Instrument[prometheus_client.Gauge]):
    """Says how much there is at the moment; it goes up and down."""

    def __init__(self, name: str, description: str, labels: Mapping[str, Values] | None = None) -> None:
        named = labels or {}
        metric = prometheus_client.Gauge(name, description, tuple(named), namespace=NAMESPACE, registry=REGISTRY)
        super().__init__(metric, named)

    def set(self, value: float, **labels: str) -> None:
        self._of(labels).set(value)

    def inc(self, amount: float = 1, **labels: str) -> None:
        self._of(labels).inc(amount)

    def dec(self, amount: float = 1, **labels: str) -> None:
        self._of(labels).dec(amount)


class Histogram(_Instrument[prometheus_client.Histogram]):
    """Counts durations, in seconds, by bucket."""

    def __init__(
        self, name: str, description: str, labels: Mapping[str, Values] | None = None, *, buckets_s: Collection[float]
    ) -> None:
        named = labels or {}
        metric = prometheus_client.Histogram(
            name, description, tuple(named), namespace=NAMESPACE, registry=REGISTRY, buckets=tuple(buckets_s)
        )
        super().__init__(metric, named)

    def observe(self, value_s: float, **labels: str) -> None:
        self._of(labels).observe(value_s)

    def observe_all(self, values_s: Iterable[float], **labels: str) -> None:
        """Observe many durations of one series, looking it up only once."""
        series = self._of(labels)
        for value_s in values_s:
            series.observe(value_s)


def render() -> bytes:
    """Return every series in the Prometheus text format."""
    return prometheus_client.generate_latest(REGISTRY)

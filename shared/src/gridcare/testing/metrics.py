"""Reading the metrics of the process under test."""

from gridcare.observability.instruments import NAMESPACE, REGISTRY


def sample(name: str, **labels: str) -> float:
    """Return the value of one series by its full name (with `_total`, `_count`, `_sum`); 0 if it was never touched."""
    return REGISTRY.get_sample_value(f"{NAMESPACE}_{name}", labels) or 0.0

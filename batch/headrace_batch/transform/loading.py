"""Finds a transform by its MODULE:TRANSFORM name."""

from __future__ import annotations

from headrace_batch.transform.declare import Transform
from headrace_consumers.loading import load_declared


def load_transform(reference: str) -> Transform:
    """SettingsError says what is wrong with the name."""
    return load_declared(reference, Transform)

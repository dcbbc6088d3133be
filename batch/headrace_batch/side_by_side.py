"""One call on many things, several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

CONNECTIONS = 8
"""So many at once: no more than the clients of a command keep open."""
T = TypeVar("T")
R = TypeVar("R")


def each(call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What it gives, in the items' order; each call has the caller's patience with AWS. Raises the first error."""
    contexts = [copy_context() for _ in items]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(lambda context, item: context.run(call, item), contexts, items))

"""Calls side by side: in order, the first error, and no more patience than the caller has."""

from __future__ import annotations

import pytest

from headrace_batch.side_by_side import CONNECTIONS, each
from headrace_consumers.aws_retry import patience, retried
from headrace_producers.errors import TransientError
from tests.fakes.steps import client_error


def away(_item: int) -> None:
    def throttled() -> None:
        raise client_error("ThrottlingException", "HeadObject")

    retried(throttled, "a look")


def test_answers_come_in_the_order_of_the_items() -> None:
    many = list(range(5 * CONNECTIONS))
    assert each(lambda item: item * item, many) == [item * item for item in many]


def test_the_first_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        each(lambda item: 1 // item, [1, 0, 1])


@pytest.mark.timeout(30)
def test_whoever_waits_for_a_command_does_not_wait_for_ever() -> None:
    """Patience holds for a thread alone: a pool's own would have none to end."""
    with patience(0.1), pytest.raises(TransientError):
        each(away, [1, 2, 3])

"""A command that somebody waits for gives up on an AWS that stays away."""

from __future__ import annotations

import pytest
from botocore.exceptions import ParamValidationError

from headrace_consumers.aws_retry import asked, patience, retried
from headrace_producers.errors import TerminalError, TransientError
from tests.fakes.steps import client_error


def always(code: str) -> None:
    raise client_error(code, "Query")


def test_patience_ends_with_a_sentence() -> None:
    """Throttled for longer than anyone waits: which call, and what AWS said."""
    with patience(0.05), pytest.raises(TransientError, match="the log: ThrottlingException"):
        retried(lambda: always("ThrottlingException"), "the log")


def test_patience_outlives_a_short_absence() -> None:
    """What comes back in time is no error."""
    answers = iter([client_error("ThrottlingException", "Query"), None])

    def call() -> str:
        if (error := next(answers)) is not None:
            raise error
        return "here"

    with patience(10.0):
        assert retried(call, "the log") == "here"


def test_what_will_not_pass_is_not_waited_for() -> None:
    """A missing table is terminal at once, and what the caller excepts comes as it is."""
    with patience(60.0), pytest.raises(TerminalError, match="ResourceNotFoundException"):
        retried(lambda: always("ResourceNotFoundException"), "the log")
    with pytest.raises(type(client_error("NoSuchUpload", "Query"))):
        retried(lambda: always("NoSuchUpload"), "the upload", retry=lambda _: False)


def test_a_request_that_cannot_be_is_a_sentence() -> None:
    """A bucket's name that is none, say: boto3 refuses it before AWS could."""

    def call() -> None:
        raise ParamValidationError(report='Invalid bucket name ""')

    with pytest.raises(TerminalError, match=r'(?s)the listing: .*Invalid bucket name ""'):
        asked(call, "the listing")

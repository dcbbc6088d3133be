"""Which AWS failures pass by themselves, and how long to wait for them.

Everything is retried but what an operator or a developer has to mend: a missing table or bucket, a malformed request.
Refused permissions are retried too: policies change under a running service, and back-pressure loses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import tenacity
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError

from headrace_producers.errors import TerminalError

T = TypeVar("T")
_log = logging.getLogger(__name__)

TERMINAL_CODES = frozenset({
    "IdempotentParameterMismatchException", "InvalidArgument", "NoSuchBucket", "ResourceNotFoundException",
    "ValidationException",
})  # fmt: skip


def error_code(error: BaseException) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def passes_by_itself(error: BaseException) -> bool:
    if isinstance(error, ClientError):
        return error_code(error) not in TERMINAL_CODES
    return isinstance(error, BotoCoreError | HTTPClientError) and not isinstance(error, ParamValidationError)


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning(
        "an AWS call failed and is tried again",
        extra={"fields": {"error": type(error).__name__, "code": error_code(error) if error else "",
                          "attempt": state.attempt_number}},
    )  # fmt: skip


def retried(call: Callable[[], T], what: str, retry: Callable[[BaseException], bool] = passes_by_itself) -> T:
    """Calls until it succeeds, with full jitter up to 20 s between attempts; blocks for as long as AWS is away (the
    watchdog bounds that). What will not pass raises TerminalError naming `what`; what `retry` excepts, itself."""
    policy = tenacity.Retrying(
        retry=tenacity.retry_if_exception(retry),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=20.0),
        before_sleep=_tell,
        reraise=True,
    )
    try:
        return policy(call)
    except ClientError as error:
        if error_code(error) in TERMINAL_CODES:
            raise TerminalError(f"{what}: {error_code(error)}; check that it exists and is named rightly") from error
        raise

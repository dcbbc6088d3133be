"""Which AWS failures pass by themselves, and how long to wait for them.

Everything is retried but what an operator or a developer has to mend: a missing table or bucket, a malformed request.
Refused permissions are retried too: policies change under a running service, and back-pressure loses nothing.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import tenacity
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from headrace_producers.errors import TerminalError, TransientError

T = TypeVar("T")
_limit_s = ContextVar("limit_s", default=math.inf)
_log = logging.getLogger(__name__)

TERMINAL_CODES = frozenset({
    "IdempotentParameterMismatchException", "InvalidArgument", "InvalidArgumentException", "NoSuchBucket",
    "ResourceNotFoundException", "ValidationException",
})  # fmt: skip
REFUSED_CODES = frozenset({
    "AccessDenied", "AccessDeniedException", "403", "UnrecognizedClientException", "ExpiredTokenException",
    "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature",
})  # fmt: skip
_BUSY_CODES = frozenset({
    "OperationTimeoutException", "RequestLimitExceeded", "ResourceNotReadyException", "Throttling",
    "ThrottlingException", "TooManyRequestsException",
})  # fmt: skip
_SERVER_ERROR = 500
COMMAND_PATIENCE_S = 30.0
"""For `patience`: how long one call waits for an AWS that is away where somebody waits for the command."""
NO_CREDENTIALS = "no AWS credentials: set AWS_ACCESS_KEY_ID and its secret, a profile or a role"


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


@contextmanager
def patience(limit_s: float) -> Iterator[None]:
    """Within it, `retried` gives up after `limit_s` with TransientError: for commands that somebody waits for. Holds
    for this thread only."""
    token = _limit_s.set(limit_s)
    try:
        yield
    finally:
        _limit_s.reset(token)


def retried(call: Callable[[], T], what: str, retry: Callable[[BaseException], bool] = passes_by_itself) -> T:
    """Calls until it succeeds, with full jitter up to 20 s between attempts; blocks for as long as AWS is away (the
    watchdog bounds that), or as `patience` allows. What will not pass raises TerminalError naming `what`; what
    `retry` excepts, itself."""
    policy = tenacity.Retrying(
        retry=tenacity.retry_if_exception(retry),
        stop=tenacity.stop_after_delay(_limit_s.get()),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=20.0),
        before_sleep=_tell,
        reraise=True,
    )
    try:
        return policy(call)
    except (BotoCoreError, HTTPClientError, ClientError) as error:
        said = error_code(error) or type(error).__name__
        if said in TERMINAL_CODES:
            raise TerminalError(f"{what}: {said}; check that it exists and is named rightly") from error
        if retry(error):
            raise TransientError(f"{what}: {said} for {_limit_s.get():.0f} s; try again later") from error
        raise


def asked(call: Callable[[], T], what: str) -> T:
    """As `retried`, for commands that somebody waits for: only throttling and failures of AWS's own are tried again,
    all else is told at once."""
    try:
        return retried(call, what, retry=_is_busy)
    except (NoCredentialsError, PartialCredentialsError):
        raise TerminalError(NO_CREDENTIALS) from None
    except ParamValidationError as error:
        raise TerminalError(f"{what}: {error}") from None
    except ClientError as error:
        code = error_code(error)
        if code in REFUSED_CODES:
            raise TerminalError(f"{what}: AWS refused ({code}); check credentials and permissions") from None
        raise TerminalError(f"{what}: {code}: {error.response.get('Error', {}).get('Message', '')}") from None


def none_where(codes: Collection[str], call: Callable[[], T]) -> Callable[[], T | None]:
    """The same call, which gives None where AWS answers with one of these codes."""

    def found() -> T | None:
        try:
            return call()
        except ClientError as error:
            if error_code(error) in codes:
                return None
            raise

    return found


def _is_busy(error: BaseException) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= _SERVER_ERROR or error_code(error) in _BUSY_CODES
    return passes_by_itself(error) and not isinstance(error, NoCredentialsError | PartialCredentialsError)

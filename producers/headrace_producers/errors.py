"""The one error tree of Headrace.

HeadraceError
├── TransientError          may pass by itself: retried with backoff, then ends the process
│   ├── BufferFullError     put() waited for room and found none: nothing was taken, try again or drop
│   └── PutFailedError      a call of the Kinesis client failed; its outcome may be unknown
├── TerminalError           will not pass by itself: ends the process with a sentence, no checkpoint
│   ├── ContractError       a contract is declared wrongly, or changed incompatibly
│   ├── SettingsError       a setting is missing or contradicts another
│   ├── ProducerClosedError put() after close(), or after the sender stopped
│   └── ...                 the consumers' branch stands in headrace_consumers/errors.py
└── InvalidRecordError      one event is at fault: refused at put(), a dead letter at the consumer

Every message says what happened, where, and what to do. None contains a payload or a secret.
"""


class HeadraceError(Exception):
    """Base of everything that Headrace raises on purpose."""


class TransientError(HeadraceError):
    """May pass by itself; the caller may try the same call again."""


class BufferFullError(TransientError):
    """put() waited as long as it may and the buffer stayed full: the event was not taken."""


class PutFailedError(TransientError):
    """A call to Kinesis failed as a whole, or its answer was lost: each record may be in the stream or not."""


class TerminalError(HeadraceError):
    """Will not pass by itself; an operator or a developer has to act."""


class ContractError(TerminalError):
    """A contract is declared wrongly, or changed so that published data can no longer be read."""


class SettingsError(TerminalError):
    """A setting is missing, out of range, or contradicts another."""


class ProducerClosedError(TerminalError):
    """The producer takes no more events: it was closed, or its sender stopped for the reason that is named."""


class InvalidRecordError(HeadraceError):
    """One event breaks its contract: `field` and `rule` say where, never with the value."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule

"""The one error tree of Headrace.

HeadraceError
├── TransientError          may pass by itself: retried with backoff, then ends the process
├── TerminalError           will not pass by itself: ends the process with a sentence, no checkpoint
│   ├── ContractError       a contract is declared wrongly, or changed incompatibly
│   ├── SettingsError       a setting is missing or contradicts another
│   └── ...                 the consumers' branch stands in headrace_consumers/errors.py
└── InvalidRecordError      one event is at fault: refused at put(), a dead letter at the consumer

Every message says what happened, where, and what to do. None contains a payload or a secret.
"""


class HeadraceError(Exception):
    """Base of everything that Headrace raises on purpose."""


class TransientError(HeadraceError):
    """May pass by itself; the caller may try the same call again."""


class TerminalError(HeadraceError):
    """Will not pass by itself; an operator or a developer has to act."""


class ContractError(TerminalError):
    """A contract is declared wrongly, or changed so that published data can no longer be read."""


class SettingsError(TerminalError):
    """A setting is missing, out of range, or contradicts another."""


class InvalidRecordError(HeadraceError):
    """One event breaks its contract: `field` and `rule` say where, never with the value."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule

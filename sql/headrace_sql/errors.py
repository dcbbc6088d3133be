"""The errors of the models' branch (the trunk: headrace_producers/errors.py).

TransientError
└── BuildRunsError          another build holds the warehouse's lock: this one has changed nothing
TerminalError
├── ProjectError            the dbt project is not where it should be, or dbt cannot read it
└── LockLostError           the lock's connection broke while dbt ran: dbt was stopped
"""

from headrace_producers.errors import TerminalError, TransientError


class BuildRunsError(TransientError):
    """Another build holds the lock; nothing was changed."""


class ProjectError(TerminalError):
    """The dbt project cannot be found or read."""


class LockLostError(TerminalError):
    """The connection that held the lock broke, so another build may have begun: dbt was stopped. Build again."""

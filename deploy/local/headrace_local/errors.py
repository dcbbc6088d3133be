"""The local environment's branch of the error tree (its trunk: headrace_producers/errors.py).

TerminalError
└── LocalError              the local environment cannot do what was asked
    ├── StackBusyError      another command works with the stack of this name, or it is up already
    ├── StartError          the local AWS or a worker did not start, or ended by itself
    └── StalledError        the workers make no progress any more
"""

from headrace_producers.errors import TerminalError


class LocalError(TerminalError):
    """The local environment cannot do what was asked; the sentence says why and what to do."""


class StackBusyError(LocalError):
    """Another command works with the stack of this name, or it is up already."""


class StartError(LocalError):
    """The local AWS or a worker did not start, or ended by itself."""


class StalledError(LocalError):
    """The workers make no progress any more."""

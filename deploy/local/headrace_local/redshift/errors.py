"""What the local Redshift answers with (their trunk: headrace_local/errors.py).

LocalError
└── RedshiftError           what Redshift itself would refuse, in its words where they are known
    ├── NotImitatedError    Redshift takes it, the local one does not; the sentence names it
    └── CopyFailure         a file cannot be loaded (copying/failures.py)
"""

from __future__ import annotations

from headrace_local.errors import LocalError

INTERNAL_ERROR = "XX000"
SYNTAX_ERROR = "42601"
NOT_SUPPORTED = "0A000"


class RedshiftError(LocalError):
    """A statement is refused: message, SQLSTATE and detail as they go to the client. None of them has credentials."""

    def __init__(self, sentence: str, sqlstate: str = INTERNAL_ERROR, *, detail: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.sqlstate = sqlstate
        self.detail = detail


class NotImitatedError(RedshiftError):
    """Redshift knows it, the local one does not imitate it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, NOT_SUPPORTED)

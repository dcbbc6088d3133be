"""The consumers' branch of the error tree (its trunk: headrace_producers/errors.py).

TransientError
├── WarehouseAwayError      the warehouse cannot be reached, or the connection was lost: the outcome may be unknown
├── WarehouseBusyError      another transaction was in the way: nothing was changed, the same again may pass
├── RewindUnfinishedError   the pipeline is being rewound: its new generation is not open yet
├── CatalogChangedError     another one changed the table, or the database, in the catalog first
└── (botocore's throttling, timeouts and 5xx are retried where they are met)
TerminalError
├── ProtocolError           the MultiLangDaemon said something that the protocol does not know
├── FencedError             another worker's link, or a raised generation, stands in our way
│   └── GenerationRaisedError
├── LogError                the commit log and the stream contradict each other
│   ├── CheckpointAheadError   KCL's checkpoint lies beyond the log: `adopt` or restore
│   ├── ParentOpenError        a child shard started before its parent's chain ended
│   ├── MissingFileError       a committed file is neither there nor pending: `repair`
│   ├── RepairError            a lost file cannot be made again as it was
│   └── NewerFormatError       the log was written by a newer Headrace
├── DaemonError             Java, the jars or the daemon itself cannot run
└── WarehouseStatementError    the warehouse refused a statement for its own sake
"""

from headrace_producers.errors import TerminalError, TransientError


class ProtocolError(TerminalError):
    """A line of the MultiLang protocol is malformed, or arrived in a state that does not allow it."""


class FencedError(TerminalError):
    """Another attempt's link stands where ours was to begin."""


class GenerationRaisedError(FencedError):
    """The pipeline was rewound: this worker's generation may not commit any more."""


class LogError(TerminalError):
    """The commit log and the stream, or KCL, contradict each other."""


class CheckpointAheadError(LogError):
    """KCL's checkpoint lies beyond the end of the shard's chain: going on would skip records."""


class ParentOpenError(LogError):
    """A child shard was started although its parent's chain has no terminal link."""


class MissingFileError(LogError):
    """A file that a commit names is neither readable nor pending."""


class RepairError(LogError):
    """A committed file that was lost cannot be made again as it was: the stream, or the declaration, has changed."""


class NewerFormatError(LogError):
    """An item of the log carries a format number that this version does not read."""


class DaemonError(TerminalError):
    """Java, KCL's jars or the MultiLangDaemon cannot be started."""


class WarehouseAwayError(TransientError):
    """The warehouse is paused, restarts or cannot be reached, or the connection was lost. What ran then may have been
    committed or not; the session is of no more use."""


class WarehouseBusyError(TransientError):
    """A serialization failure, a deadlock, or a lock that was waited for too long: the transaction changed nothing."""


class RewindUnfinishedError(TransientError):
    """A rewind has ended the generation before, and has not opened its own."""


class CatalogChangedError(TransientError):
    """A table or database of the catalog is not as it was read: nothing was changed, reading anew may help."""


class WarehouseStatementError(TerminalError):
    """The warehouse refused a statement: its own message, never our parameters. `sqlstate` is empty where there was
    none."""

    def __init__(self, message: str, sqlstate: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate

"""What the MultiLangDaemon starts once per shard: hands its own stdin and stdout to the engine, then only waits.

Run as `python -I -S -E relay.py` with HEADRACE_ENGINE_SOCKET set. One interpreter lives per shard, so this file imports
nothing that is not built in. Exit code: the byte that the engine sends; 1 when the engine's socket ends.
"""

import _socket
import posix
import sys

HELLO = b"H"
TAKEN = b"T"


def main() -> int:
    engine = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    engine.connect(posix.environ[b"HEADRACE_ENGINE_SOCKET"])
    pipes = (0).to_bytes(4, sys.byteorder) + (1).to_bytes(4, sys.byteorder)
    engine.sendmsg([HELLO], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pipes)])
    if engine.recv(1) != TAKEN:
        return 1
    # From here on the engine alone holds the pipes: the daemon sees end-of-file when it closes them.
    posix.close(0)
    posix.close(1)
    code = engine.recv(1)
    return code[0] if code else 1


if __name__ == "__main__":
    posix._exit(main())  # noqa: SLF001 - no clean-up: the standard streams are gone

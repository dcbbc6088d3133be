"""`python -m tests.deploy.calls`: makes deploy/modules/permissions/calls.json anew, and prints what changed."""

from __future__ import annotations

import sys

from tests.deploy.calls.readme import README, with_kinds
from tests.deploy.calls.recording import listen
from tests.deploy.calls.rows import TABLE, difference, read_table, written
from tests.deploy.calls.table import make_table


def main() -> None:
    table = make_table(listen().services)
    sys.stdout.write("".join(f"{line}\n" for line in difference(read_table(), table)) or "nothing changed\n")
    TABLE.write_text(written(table))
    README.write_text(with_kinds(README.read_text(), table))


if __name__ == "__main__":
    main()

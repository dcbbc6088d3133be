"""`python -m tests.benchmarks NAME [options]` runs one benchmark; without a name it lists them."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = {
    "batch": ("tests.benchmarks.batch.command", "what batch costs, beside plain Spark and plain pyarrow"),
    "engine": ("tests.benchmarks.engine.command", "the whole job on recorded daemon lines, beside stock kclpy"),
    "loader": ("tests.benchmarks.loader.command", "the loader beside one COPY per file and INSERTs, and how fresh"),
    "windows": ("tests.benchmarks.windows.command", "what windows cost the engine, and how fast their service is"),
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in BENCHMARKS:
        for name, (_, meaning) in BENCHMARKS.items():
            print(f"{name:12} {meaning}")  # noqa: T201 - a command prints
        return 2 if arguments else 0
    module, _ = BENCHMARKS[arguments[0]]
    return int(importlib.import_module(module).main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

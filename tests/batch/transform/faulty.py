"""A transform whose function fails, importable by Spark's workers."""

from dataclasses import replace

import pyarrow as pa

from headrace_local.transforms import utilisation


def fail(aircraft: pa.Table) -> pa.Table:
    raise KeyError(aircraft["tailnum"][0].as_py())


faulty = replace(utilisation, function=fail)

"""The demo's pipeline as the benchmarks run it."""

from dataclasses import replace

from headrace_local.pipelines import flights as windowed

without_windows = replace(windowed, windows=())
"""What the stock consumer does too: rows, letters and raw records."""

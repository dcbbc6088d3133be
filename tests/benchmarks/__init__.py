"""Benchmarks: measurements with a verdict, each over real data, each process measured by itself in CPU seconds."""

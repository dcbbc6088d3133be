"""Marts in the lake: each as Parquet below a place of its own, which the catalog names once it is whole."""

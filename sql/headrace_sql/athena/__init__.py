"""Athena: the project's named queries, put there and run from here."""

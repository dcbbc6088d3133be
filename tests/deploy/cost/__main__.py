"""Writes the tables of docs/cost.md anew: `uv run python -m tests.deploy.cost`."""

from __future__ import annotations

from tests.deploy.cost.tables import PAGE, rendered

PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""What the README shows is true."""

from __future__ import annotations

import re
import sys
import types
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headrace_producers import Producer
from headrace_producers.testing import FakeKinesis

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_snippets_declare_put_and_land_an_event() -> None:
    """The snippets, pasted one after the other into a module, put an event that the pipeline takes."""
    module: Any = types.ModuleType("readme_snippets")
    sys.modules[module.__name__] = module
    kinesis = FakeKinesis()
    for snippet in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(snippet, "README.md", "exec", dont_inherit=True), vars(module))  # noqa: S102 - our own page
    module.Producer = lambda stream: Producer(stream, connect=lambda: kinesis)
    module.send("Albany", 1200, datetime(2026, 1, 31, tzinfo=UTC))
    assert [stored.event.level_mm for stored in kinesis.events(module.RiverMeasured)] == [1200]
    assert module.rivers.tables_by_type.keys() == {"river.measured.v1"}


def test_links_lead_somewhere() -> None:
    """Every file that a page names is there."""
    for page in ("README.md", "ARCHITECTURE.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text()):
            assert (ROOT / target).exists(), f"{page} names {target}"

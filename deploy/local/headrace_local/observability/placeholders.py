"""Names that Terraform knows and we do not: `{stream}` in the data is `${stream}` in what is generated."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def placeholders(text: str) -> list[str]:
    """The names that stand in the data's text."""
    return _PLACEHOLDER.findall(text)


def templated(text: str) -> str:
    """The text as Terraform's templatefile takes it."""
    return _PLACEHOLDER.sub(r"${\1}", text)

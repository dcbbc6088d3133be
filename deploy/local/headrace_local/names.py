"""What everything is called: by the very file from which the modules name what they make on AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from headrace_local.environment import REGION, AwsClients

LOCAL = "local"
"""This machine's environment, beside dev, staging and prod."""


@dataclass(frozen=True, slots=True)
class Names:
    """Of one environment in one account."""

    environment: str
    account_id: str
    region: str

    @classmethod
    def found_by(cls, clients: AwsClients, environment: str) -> Names:
        """In the account that these clients work with."""
        return cls(environment, clients.account_id, REGION)

    def of(self, kind: str, **parts: str) -> str:
        """The name of a kind in names.json; `parts` are what its pattern says beyond environment, account and region.
        Raises KeyError where there is no such kind, or a part is missing."""
        return _patterns()[kind].format(
            environment=self.environment, account_id=self.account_id, region=self.region, **parts
        )


@cache
def _patterns() -> Mapping[str, str]:
    return msgspec.json.decode(Path(__file__).with_name("names.json").read_bytes(), type=dict[str, str])

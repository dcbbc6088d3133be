"""The versions of one secret. Every call blocks on Secrets Manager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from headrace_consumers.aws_retry import asked

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"


@dataclass(frozen=True, slots=True)
class SecretVersions:
    """Raises TerminalError and TransientError; no error quotes a value."""

    client: SecretsManagerClient
    secret: str
    """Its name or ARN."""

    def require(self) -> None:
        """There is such a secret, and we may ask for it."""
        self._current()

    def put_pending(self, value: str) -> str:
        """A version that nobody takes for the current one yet; its id. Takes the place of one that was left pending."""
        version = str(uuid4())
        asked(
            lambda: self.client.put_secret_value(
                SecretId=self.secret, ClientRequestToken=version, SecretString=value, VersionStages=[PENDING]
            ),
            f"PutSecretValue of {self.secret}",
        )
        return version

    def make_current(self, version: str) -> None:
        """From now on that is the secret. Again is safe."""
        before = self._current()
        if before == version:  # Secrets Manager makes a secret's first version the current one by itself
            return
        removed = {"RemoveFromVersionId": before} if before else {}
        asked(
            lambda: self.client.update_secret_version_stage(
                SecretId=self.secret, VersionStage=CURRENT, MoveToVersionId=version, **removed
            ),
            f"UpdateSecretVersionStage of {self.secret}",
        )

    def _current(self) -> str | None:
        """None where it has no value yet."""
        answer = asked(lambda: self.client.describe_secret(SecretId=self.secret), f"DescribeSecret of {self.secret}")
        stages = answer.get("VersionIdsToStages", {})
        return next((version for version, named in stages.items() if CURRENT in named), None)

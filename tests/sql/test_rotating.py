"""`headrace-sql rotate`: one password in two places, whatever comes between."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from redshift_connector.utils.extensible_digest import ExtensibleDigest

from headrace_consumers.errors import WarehouseAwayError
from headrace_consumers.settings import WarehouseSettings
from headrace_local.environment import KEY, REGION
from headrace_sql.cli import execute
from headrace_sql.passwords.drawing import digest_of, draw_password
from headrace_sql.passwords.rotating import rotate
from headrace_sql.passwords.versions import SecretVersions
from tests.sql.lake import Lake
from tests.sql.test_wrong_use import said
from tests.sql.world import World

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

USER = "headrace_reader"
ADMIN = WarehouseSettings(
    warehouse_host="warehouse.internal", warehouse_database="headrace", warehouse_user="the_admin",
    warehouse_password="Adm1n",  # noqa: S106 -- nobody's
)  # fmt: skip


def test_a_password_is_as_redshift_wants_it() -> None:
    """Each is another one; 64 characters at most, of three kinds, none of which SQL would have to quote."""
    drawn = {draw_password() for _ in range(100)}
    assert len(drawn) == 100
    for password in drawn:
        assert password.isalnum()
        assert password.isascii()
        assert len(password) == 48
        assert any(map(str.islower, password))
        assert any(map(str.isupper, password))
        assert any(map(str.isdigit, password))


def test_the_digest_is_what_the_driver_proves() -> None:
    """The driver hashes the password with the salt, and that with both nonces: the server does the same with the digest
    that it was given."""
    algorithm, digest, salt = digest_of("Secret1").split("|")
    proof = ExtensibleDigest.encode(
        client_nonce=b"of the client", password=b"Secret1", salt=bytes.fromhex(salt), algo_name="SHA256",
        server_nonce=b"of the server",
    )  # fmt: skip
    assert algorithm == "sha256"
    assert len(bytes.fromhex(salt)) == 32
    assert hashlib.sha256(bytes.fromhex(digest) + b"of the server" + b"of the client").digest() == proof
    assert digest_of("Secret1") != digest_of("Secret1")


@dataclass
class Outside:
    """The warehouse and Secrets Manager: what was done to them, in its order, until `broken` comes."""

    broken: str = ""
    done: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    current: str = ""

    def do(self, what: str) -> None:
        if what == self.broken:
            raise WarehouseAwayError("gone")
        self.done.append(what)

    def connect(self, settings: WarehouseSettings) -> Outside:
        self.do(f"sign in as {settings.warehouse_user}")
        return self

    def run(self, sql: str, *_: object) -> int:
        self.do(sql.partition(" PASSWORD ")[0])
        return 0

    def close(self) -> None:
        self.done.append("close")

    def describe_secret(self, **_: Any) -> dict[str, Any]:
        self.do("look")
        return {"VersionIdsToStages": {self.current: ["AWSCURRENT"]} if self.current else {}}

    def put_secret_value(self, **words: Any) -> None:
        self.do(f"put {words['VersionStages']}")
        self.values[words["ClientRequestToken"]] = words["SecretString"]

    def update_secret_version_stage(self, **words: Any) -> None:
        self.do("promote")
        assert words.get("RemoveFromVersionId", "") == self.current
        self.current = words["MoveToVersionId"]

    def rotate(self) -> str:
        return rotate(USER, ADMIN, SecretVersions(self, "secret"), self.connect)  # type: ignore[arg-type]

    @property
    def password(self) -> str:
        found: str = json.loads(self.values[self.current])["password"]
        return found


def test_the_secret_is_current_once_its_password_was_tried() -> None:
    """All effects in their order."""
    outside = Outside()
    assert outside.rotate() == outside.current
    assert outside.done == [
        "look",
        "sign in as the_admin",
        "put ['AWSPENDING']",
        f'ALTER USER "{USER}"',
        "close",
        f"sign in as {USER}",
        "close",
        "look",
        "promote",
    ]


@pytest.mark.parametrize(
    "broken",
    ["look", "sign in as the_admin", "put ['AWSPENDING']", f'ALTER USER "{USER}"', f"sign in as {USER}", "promote"],
)
def test_what_was_interrupted_is_ended_by_the_same_again(broken: str) -> None:
    """Until then the secret is the one before; and no connection is left open."""
    outside = Outside()
    first = outside.rotate()
    outside.broken = broken
    with pytest.raises(WarehouseAwayError):
        outside.rotate()
    assert outside.current == first
    assert outside.done.count("close") == sum(one.startswith("sign in") for one in outside.done)
    outside.broken = ""
    assert outside.rotate() == outside.current != first


@pytest.fixture(scope="module")
def secrets(world: World) -> SecretsManagerClient:
    client: SecretsManagerClient = boto3.client(
        "secretsmanager", endpoint_url=world.stack.endpoint, region_name=REGION, aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
    )  # fmt: skip
    return client


@pytest.fixture
def secret(world: World, secrets: SecretsManagerClient) -> Iterator[str]:
    """Without a value, as Terraform makes it; and its user."""
    name = "headrace/local/warehouse/reader"
    secrets.create_secret(Name=name)
    world.run(f"CREATE USER {USER} PASSWORD DISABLE")
    yield name
    world.run(f"DROP USER {USER}")
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def test_a_user_gets_one_password_after_the_other(
    world: World, secrets: SecretsManagerClient, secret: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """On the local warehouse and the local Secrets Manager; the one before can be brought back for as long as a service
    may still have it. The password is told nowhere."""
    found = []
    for _ in range(2):
        with Lake(world).environed():
            assert execute(["rotate", USER, "--secret", secret]) == 0
        value = json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])
        assert (value["username"], value["dbname"], value["engine"]) == (USER, "headrace", "redshift")
        assert (value["host"], value["port"]) == (world.target.warehouse_host, world.target.warehouse_port)
        found.append(value["password"])
    before = secrets.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")["SecretString"]
    assert found[0] != found[1]
    assert json.loads(before)["password"] == found[0]
    told = capfd.readouterr()
    assert f"{USER} has a new password" in told.out
    assert not any(password in told.out + told.err for password in found)


def test_a_secret_that_is_not_there_leaves_the_password_as_it_was(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    with Lake(world).environed():
        assert execute(["rotate", USER, "--secret", "headrace/local/warehouse/nobody"]) == 1
    assert "DescribeSecret of headrace/local/warehouse/nobody" in said(capfd)


@pytest.mark.parametrize(
    ("user", "words"), [("headrace", "Redshift itself rotates the admin's password"), ("a; DROP", "is no user of")]
)
def test_who_cannot_be_rotated(world: World, user: str, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The admin, and what is no name."""
    with Lake(world).environed():
        assert execute(["rotate", user, "--secret", "any"]) == 2
    assert words in said(capfd)

"""redshift_connector as it is, against the gateway."""

from __future__ import annotations

import datetime as dt
import gc
import warnings
from decimal import Decimal
from typing import Any

import pytest
from redshift_connector.error import InterfaceError, ProgrammingError

from headrace_local.redshift.server import RedshiftServer
from tests.local.redshift.client import Client

UTC = dt.UTC


def failed_login(server: RedshiftServer, **words: Any) -> str:
    """What it fails with. The driver leaves its socket to the garbage collector then, which warns of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((InterfaceError, ProgrammingError)) as caught, Client.connect(server.port, **words):
            pass
        sentence = str(caught.value)
        caught.value.__traceback__ = None
        del caught
        gc.collect()
    return sentence


@pytest.mark.parametrize(
    ("type_name", "written"),
    [
        ("SMALLINT", -32768),
        ("INTEGER", 2**31 - 1),
        ("BIGINT", -(2**63)),
        ("NUMERIC(38, 9)", Decimal("12345678901234567890123456789.123456789")),
        ("REAL", 0.5),
        ("DOUBLE PRECISION", 1e300),
        ("BOOLEAN", True),
        ("VARCHAR(20)", "naïve, 'quoted' \\ \n"),
        ("CHAR(3)", "abc"),
        ("DATE", dt.date(2013, 1, 1)),
        ("TIME", dt.time(23, 59, 59, 999999)),
        ("TIMESTAMP", dt.datetime(2013, 1, 1, 5, 0, 0, 1)),  # noqa: DTZ001
        ("TIMESTAMPTZ", dt.datetime(2013, 1, 1, 5, 0, 0, 1, tzinfo=UTC)),
        ("SUPER", '{"a": [1, null]}'),
    ],
)
def test_each_type_comes_back_as_it_was_sent(client: Client, type_name: str, written: Any) -> None:
    """What is bound as a parameter is read back as an equal value; so is NULL."""
    client.run(f"CREATE TABLE t (n INT, v {type_name})")
    client.run("INSERT INTO t VALUES (1, %s)", written)
    client.run("INSERT INTO t VALUES (%s, %s)", 2, None)
    assert client.rows("SELECT v FROM t ORDER BY n") == [(written,), (None,)]


def test_varbyte_is_read_as_the_driver_reads_it(client: Client) -> None:
    """Redshift sends hex digits, which the driver decodes to text; other columns of the row are left alone."""
    client.run("CREATE TABLE t (a INT, b VARBYTE(10), c VARCHAR(5))")
    client.run("INSERT INTO t VALUES (1, 'xyz', 'c'), (2, NULL, 'd')")
    assert client.rows("SELECT a, b, c FROM t ORDER BY a") == [(1, "xyz", "c"), (2, None, "d")]


def test_types_that_redshift_lacks_do_not_put_the_driver_out_of_step(client: Client) -> None:
    """A type the driver cannot know is text, and the next answer is the next statement's."""
    assert client.value("SELECT gen_random_uuid()") is not None
    assert client.value("SELECT ARRAY['a', NULL]::text[][1]") is not None
    assert client.value("SELECT 1") == 1


def test_statements_are_cached_and_survive_changes_of_tables(client: Client) -> None:
    """The driver prepares once and then only binds; after DDL it closes all, before it has read what is ready."""
    client.run("CREATE TABLE t (a INT)")
    for number in range(3):
        client.run("INSERT INTO t VALUES (%s)", number)
    client.run("ALTER TABLE t ADD COLUMN b INT")
    client.run("CREATE TABLE u (a INT)")
    client.run("DROP TABLE u")
    for number in range(3):
        client.run("INSERT INTO t VALUES (%s, %s)", number, number)
    assert client.value("SELECT count(*) FROM t") == 6
    assert client.value("SELECT count(*) FROM t") == 6


def in_transaction(client: Client) -> bool:
    return bool(client.connection.in_transaction)


def test_a_transaction_is_the_callers(client: Client) -> None:
    """Nothing is there for others before COMMIT, and nothing after ROLLBACK; the driver knows when it is in one."""
    client.run("CREATE TABLE t (a INT)")
    client.connection.autocommit = False
    client.run("INSERT INTO t VALUES (1)")
    assert in_transaction(client)
    client.connection.rollback()
    assert not in_transaction(client)
    client.run("INSERT INTO t VALUES (2)")
    client.connection.commit()
    assert client.rows("SELECT a FROM t") == [(2,)]


def test_an_error_fails_the_transaction_until_it_is_rolled_back(client: Client) -> None:
    """As everywhere; and the connection goes on."""
    client.connection.autocommit = False
    assert client.refusal("SELECT nope")["C"] == "42703"
    assert client.refusal("SELECT 1")["C"] == "25P02"
    client.connection.rollback()
    assert client.value("SELECT 1") == 1


def test_many_rows_are_inserted_by_executemany(client: Client) -> None:
    """One prepared statement, bound again and again."""
    client.run("CREATE TABLE t (a INT, b VARCHAR(10))")
    with client.connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (%s, %s)", [(number, f"x{number}") for number in range(300)])
    assert client.value("SELECT count(DISTINCT b) FROM t") == 300


def test_a_large_answer_comes_whole(client: Client) -> None:
    """Many times what a socket holds, in its order."""
    rows = client.rows("SELECT n, repeat('x', 100) FROM generate_series(1, 100000) AS series (n)")
    assert [row[0] for row in rows] == list(range(1, 100001))


def test_connections_are_apart(client: Client, server: RedshiftServer) -> None:
    """Temporary tables, transactions and prepared statements are each connection's own."""
    client.run("CREATE TEMP TABLE own (a INT)")
    with Client.connect(server.port) as other:
        assert other.refusal("SELECT * FROM own")["C"] == "42P01"
        assert [other.value("SELECT 1"), client.value("SELECT count(*) FROM own")] == [1, 0]


def test_any_password_is_taken_but_one_must_be_given(server: RedshiftServer) -> None:
    """The driver must send credentials, as it must to Redshift."""
    assert "password" in failed_login(server, password="")


def test_tls_is_refused_as_the_protocol_says(server: RedshiftServer) -> None:
    """A client that demands it learns so at once."""
    assert "SSL" in failed_login(server, ssl=True)


def test_a_user_that_is_not_there_is_refused(server: RedshiftServer) -> None:
    """By name, when it connects."""
    assert "nobody" in failed_login(server, user="nobody")


def test_it_says_that_it_is_redshift(client: Client) -> None:
    """What drivers and tools tell the product by."""
    assert "Redshift" in client.value("SELECT version()")
    assert (b"server_version", b"8.0.2") in client.connection.parameter_statuses
    assert client.value("SELECT current_setting('TimeZone')") == "UTC"


def test_two_writers_of_one_row_are_told_1023(client: Client, server: RedshiftServer) -> None:
    """The second of two transactions that change the same row fails as Redshift's does, and is not applied."""
    client.run("CREATE TABLE t (a INT)")
    client.run("INSERT INTO t VALUES (0)")
    schema = client.value("SELECT current_schema()")
    with Client.connect(server.port) as other:
        other.run("BEGIN")
        other.run(f'SET search_path TO "{schema}"')
        assert other.value("SELECT a FROM t") == 0
        client.run("UPDATE t SET a = a + 1")
        said = other.refusal("UPDATE t SET a = a + 1")
        assert (said["C"], said["M"]) == ("XX000", "1023")
    assert client.value("SELECT a FROM t") == 1


def test_truncate_commits(client: Client) -> None:
    """As on Redshift: what stood before it in the transaction is committed with it, and ROLLBACK takes nothing back."""
    client.run("CREATE TABLE t (a INT)")
    client.run("CREATE TABLE u (a INT)")
    client.connection.autocommit = False
    client.run("INSERT INTO u VALUES (1)")
    client.run("TRUNCATE t")
    assert not client.connection.in_transaction
    client.connection.rollback()
    assert client.value("SELECT count(*) FROM u") == 1

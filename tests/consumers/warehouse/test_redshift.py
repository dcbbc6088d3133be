"""The adapter over redshift_connector, against the local Redshift."""

from __future__ import annotations

import gc
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest
from redshift_connector.error import ProgrammingError

from headrace_consumers.errors import WarehouseAwayError, WarehouseBusyError, WarehouseStatementError
from headrace_consumers.settings import WarehouseSettings
from headrace_consumers.warehouse.redshift import Redshift, _translated
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_local.redshift.server import RedshiftServer
from headrace_producers.errors import HeadraceError, SettingsError
from tests.consumers.warehouse.conftest import settings_of

DRIVERS_TLS = pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning", "ignore:unclosed:ResourceWarning")
"""The driver makes its context in an old way, and leaves the socket of a refused connection to the collector."""


@pytest.fixture
def parcels(session: WarehouseSession) -> Iterator[None]:
    """A table of two rows."""
    session.run("CREATE TABLE parcels (id BIGINT, code VARCHAR(8))")
    session.run("INSERT INTO parcels VALUES (%s, %s), (%s, %s)", 1, "a", 2, None)
    yield
    session.rollback()
    session.run("DROP TABLE parcels")


def test_values_go_and_come_as_they_are(session: WarehouseSession) -> None:
    """Of every type that the books and the contracts have; percent signs and quotes too."""
    given = {
        "bigint": 7,
        "varchar": "50% of 'é'",
        "varchar(8)": None,
        "boolean": True,
        "double precision": 1.5,
        "numeric(7, 2)": Decimal("12.50"),
        "date": date(2013, 1, 2),
        "timestamp": datetime(2013, 1, 2, 3, 4, 5, 6),  # noqa: DTZ001 - as the warehouse has them
    }
    marks = ", ".join(f"CAST(%s AS {kind})" for kind in given)
    assert session.query(f"SELECT {marks}, 5 %% 3, '100%'", *given.values()) == [(*given.values(), 2, "100%")]


@pytest.mark.usefixtures("parcels")
def test_run_says_how_many_rows(session: WarehouseSession) -> None:
    """None for what touches no rows."""
    assert session.run("UPDATE parcels SET code = %s", "b") == 2
    assert session.run("UPDATE parcels SET code = %s WHERE id = %s", "b", 9) == 0
    assert session.run("ALTER TABLE parcels ADD COLUMN more BIGINT") == 0


@pytest.mark.usefixtures("parcels")
def test_statements_commit_by_themselves(session: WarehouseSession, other: WarehouseSession) -> None:
    """But in a transaction, which others see whole or not at all."""
    session.run("DELETE FROM parcels WHERE id = 2")
    assert other.query("SELECT id FROM parcels") == [(1,)]
    session.begin()
    session.run("INSERT INTO parcels VALUES (3, 'c')")
    assert other.query("SELECT id FROM parcels") == [(1,)]
    session.commit()
    assert other.query("SELECT id FROM parcels ORDER BY 1") == [(1,), (3,)]
    session.begin()
    session.run("DELETE FROM parcels")
    session.rollback()
    assert other.query("SELECT id FROM parcels ORDER BY 1") == [(1,), (3,)]


def test_a_closed_session_leaves_nothing_behind(local_redshift: WarehouseSettings, other: WarehouseSession) -> None:
    """Its transaction is rolled back; closing again is nothing."""
    session = Redshift(local_redshift).connect()
    session.begin()
    session.run("CREATE TABLE never (id BIGINT)")
    session.close()
    session.close()
    assert other.query("SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'never'") == []


@pytest.mark.usefixtures("parcels")
def test_a_refused_statement_says_why(session: WarehouseSession) -> None:
    """With its SQLSTATE, without parameters, and the session goes on."""
    with pytest.raises(WarehouseStatementError, match="does not exist") as refused:
        session.query("SELECT nothing FROM parcels WHERE code = %s", "secretvalue")
    assert refused.value.sqlstate == "42703"
    assert "secretvalue" not in str(refused.value)
    assert session.query("SELECT count(*) FROM parcels") == [(2,)]


@pytest.mark.usefixtures("parcels")
def test_a_refused_row_is_not_told(session: WarehouseSession) -> None:
    """The server's detail would quote it."""
    session.run("DELETE FROM parcels WHERE id = 2")
    session.run("ALTER TABLE parcels ALTER COLUMN code SET NOT NULL")
    with pytest.raises(WarehouseStatementError, match="null value") as refused:
        session.run("INSERT INTO parcels VALUES (%s, %s)", 424_242, None)
    assert "424242" not in str(refused.value)


@pytest.mark.usefixtures("parcels")
def test_a_transaction_after_an_error_is_rolled_back(session: WarehouseSession) -> None:
    """Nothing of it stays, and the session goes on."""
    session.begin()
    session.run("DELETE FROM parcels")
    with pytest.raises(WarehouseStatementError):
        session.run("SELECT 1 / 0")
    session.rollback()
    assert session.query("SELECT count(*) FROM parcels") == [(2,)]


@pytest.mark.usefixtures("parcels")
def test_a_deadlock_is_busy(session: WarehouseSession, other: WarehouseSession) -> None:
    """One of two that wait for each other is told to begin anew."""
    session.begin()
    other.begin()
    session.run("UPDATE parcels SET code = 'x' WHERE id = 1")
    other.run("UPDATE parcels SET code = 'y' WHERE id = 2")
    with ThreadPoolExecutor() as pool:
        crossing = pool.submit(other.run, "UPDATE parcels SET code = 'y' WHERE id = 1")
        outcomes = [_outcome(lambda: session.run("UPDATE parcels SET code = 'x' WHERE id = 2"))]
        session.rollback()
        outcomes.append(_outcome(crossing.result))
        other.rollback()
    assert WarehouseBusyError in outcomes


def _outcome(call: object) -> type[BaseException] | None:
    assert callable(call)
    try:
        call()
    except HeadraceError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"C": "XX000", "M": "1023", "D": "Serializable isolation violation on table - 1"}, WarehouseBusyError),
        ({"C": "40001", "M": "could not serialize access"}, WarehouseBusyError),
        ({"C": "55P03", "M": "canceling statement due to lock timeout"}, WarehouseBusyError),
        ({"C": "57P01", "M": "terminating connection"}, WarehouseAwayError),
        ({"C": "57P03", "M": "the database system is starting up"}, WarehouseAwayError),
        ({"C": "53300", "M": "too many connections"}, WarehouseAwayError),
        ({"C": "57014", "M": "Query cancelled on user's request"}, WarehouseStatementError),
        ({"C": "XX000", "M": "Spectrum Scan Error", "D": "column 'a' is BIGINT"}, WarehouseStatementError),
        ({"C": "28000", "M": "password authentication failed"}, WarehouseStatementError),
    ],
)
def test_what_the_server_says_is_sorted(fields: dict[str, str], kind: type[HeadraceError]) -> None:
    """By its SQLSTATE; Redshift's serialization failure by its number."""
    with pytest.raises(kind) as raised, _translated("here"):
        raise ProgrammingError(fields)
    assert fields["M"] in str(raised.value)
    assert fields.get("D", "") in str(raised.value)


def test_a_lost_warehouse_is_away(tmp_path: Path) -> None:
    """While a session is open, when one is asked for; a new session is right as soon as it is back."""
    with RedshiftServer(tmp_path / "redshift") as server:
        warehouse = Redshift(settings_of(server))
        session = warehouse.connect()
        session.run("CREATE TABLE kept (id BIGINT)")
        session.begin()
        session.run("INSERT INTO kept VALUES (1)")
        server.kill()
        with pytest.raises(WarehouseAwayError, match=r"the warehouse at 127\.0\.0\.1"):
            session.commit()
        with pytest.raises(WarehouseAwayError):
            session.query("SELECT 1")
        session.rollback()
        session.close()
        with pytest.raises(WarehouseAwayError):
            warehouse.connect()
        server.start()
        again = Redshift(settings_of(server)).connect()
        assert again.query("SELECT count(*) FROM kept") == [(0,)]
        again.close()


def test_a_silent_warehouse_is_away(local_redshift: WarehouseSettings) -> None:
    """A statement that says nothing for too long has lost its connection, as far as we know."""
    session = Redshift(replace(local_redshift, warehouse_timeout_s=1)).connect()
    with pytest.raises(WarehouseAwayError, match="timed out"):
        session.query("SELECT pg_sleep(20)")
    session.close()


@DRIVERS_TLS
def test_tls_is_not_given_up(local_redshift: WarehouseSettings) -> None:
    """A warehouse that speaks none is refused, unless it is said to be the local one."""
    with pytest.raises(SettingsError, match=r"speaks no TLS.*--no-warehouse-ssl"):
        Redshift(replace(local_redshift, warehouse_ssl=True)).connect()
    gc.collect()


@DRIVERS_TLS
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_a_certificate_of_nobody_is_refused(tmp_path: Path) -> None:
    """Terminal: waiting makes no certificate better."""
    _make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=_speak_tls, args=(listening, context), daemon=True).start()
        settings = WarehouseSettings(
            warehouse_host="localhost", warehouse_port=listening.getsockname()[1], warehouse_database="d",
            warehouse_user="u", warehouse_password="p",  # noqa: S106
        )  # fmt: skip
        with pytest.raises(SettingsError, match="no certificate that can be trusted"):
            Redshift(settings).connect()
    gc.collect()


def _make_certificate(folder: Path) -> None:
    line = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem"
    subprocess.run(line.split(), cwd=folder, check=True, capture_output=True)


def _speak_tls(listening: socket.socket, context: ssl.SSLContext) -> None:
    accepted, _ = listening.accept()
    with accepted, suppress(OSError):
        accepted.recv(8)
        accepted.sendall(b"S")
        context.wrap_socket(accepted, server_side=True).close()


def test_the_password_is_not_shown() -> None:
    """Settings are logged and printed; the password is in none of that."""
    assert "secretvalue" not in repr(WarehouseSettings(warehouse_password="secretvalue"))  # noqa: S106

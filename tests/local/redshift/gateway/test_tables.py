"""Tables as Redshift makes, alters and shows them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.redshift.client import Client


def definition(client: Client, table: str) -> list[tuple[Any, ...]]:
    return client.rows(
        'SELECT "column", type, encoding, distkey, sortkey, "notnull" FROM pg_table_def WHERE tablename = %s', table
    )


def test_what_is_said_of_storage_is_shown_where_redshift_shows_it(client: Client) -> None:
    """Distribution, sort keys, encodings and NOT NULL by a primary key, whether said of a column or of the table."""
    client.run(
        "CREATE TABLE t (id BIGINT ENCODE az64 PRIMARY KEY, dest VARCHAR(8) ENCODE zstd, at TIMESTAMP) "
        "DISTSTYLE KEY DISTKEY (dest) COMPOUND SORTKEY (at, id) BACKUP NO"
    )
    assert definition(client, "t") == [
        ("id", "bigint", "az64", False, 2, True),
        ("dest", "character varying(8)", "zstd", True, 0, False),
        ("at", "timestamp without time zone", "none", False, 1, False),
    ]
    client.run("CREATE TABLE u (a INT DISTKEY SORTKEY)")
    assert definition(client, "u") == [("a", "integer", "none", True, 1, False)]


@pytest.mark.parametrize(
    ("said", "diststyle", "sortkey"),
    [
        ("", "AUTO(ALL)", ("AUTO(SORTKEY)", 0)),
        ("DISTSTYLE EVEN", "EVEN", ("AUTO(SORTKEY)", 0)),
        ("DISTSTYLE ALL SORTKEY (b)", "ALL", ("b", 1)),
        ("DISTKEY (a) INTERLEAVED SORTKEY (a, b)", "KEY(a)", ("INTERLEAVED", 2)),
    ],
)
def test_svv_table_info_tells_style_and_sort_key(
    client: Client, said: str, diststyle: str, sortkey: tuple[str, int]
) -> None:
    """And, like Redshift's, nothing of a table that is empty."""
    client.run(f"CREATE TABLE info (a INT, b INT) {said}")
    shown = 'SELECT diststyle, sortkey1, sortkey_num, tbl_rows FROM svv_table_info WHERE "schema" = current_schema()'
    assert client.rows(shown) == []
    client.run("INSERT INTO info VALUES (1, 2), (3, 4)")
    assert client.rows(shown) == [(diststyle, *sortkey, 2)]


def test_storage_is_altered_and_follows_a_column_that_is_renamed(client: Client) -> None:
    """Keys are kept by column, not by name."""
    client.run("CREATE TABLE t (a INT, b INT) DISTKEY (a) SORTKEY (a)")
    client.run("ALTER TABLE t RENAME COLUMN a TO c")
    assert [row[0] for row in definition(client, "t") if row[3]] == ["c"]
    client.run("ALTER TABLE t ALTER SORTKEY (b, c)")
    client.run("ALTER TABLE t ALTER DISTKEY b")
    client.run("ALTER TABLE t ALTER COLUMN b ENCODE zstd")
    assert definition(client, "t") == [
        ("c", "integer", "none", False, 2, False),
        ("b", "integer", "zstd", True, 1, False),
    ]
    client.run("ALTER TABLE t ALTER DISTSTYLE EVEN")
    assert not any(row[3] for row in definition(client, "t"))


def test_tables_made_of_others_have_their_storage(client: Client) -> None:
    """LIKE takes it over; CREATE TABLE AS states its own."""
    client.run("CREATE TABLE t (a INT NOT NULL, b INT) DISTKEY (a) SORTKEY (b)")
    client.run("CREATE TABLE alike (LIKE t)")
    client.run("CREATE TABLE made DISTSTYLE ALL SORTKEY (a) AS SELECT a, b FROM t")
    assert [(row[0], *row[3:]) for row in definition(client, "alike")] == [("a", True, 0, True), ("b", False, 1, False)]
    assert [(row[0], row[4]) for row in definition(client, "made")] == [("a", 1), ("b", 0)]


def test_keys_are_not_enforced(client: Client) -> None:
    """Duplicates get in, as on Redshift, and a reference needs no target."""
    client.run("CREATE TABLE t (a INT PRIMARY KEY, b INT UNIQUE, c INT REFERENCES nowhere (x), UNIQUE (a, b))")
    client.run("ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (c) REFERENCES nowhere (x)")
    client.run("INSERT INTO t VALUES (1, 1, 1), (1, 1, 1)")
    assert client.value("SELECT count(*) FROM t") == 2
    assert client.refusal("INSERT INTO t VALUES (NULL, 1, 1)")["C"] == "23502"


def test_a_text_is_as_long_as_its_bytes(client: Client) -> None:
    """VARCHAR(n) and CHAR(n) hold n bytes; one without a length holds Redshift's 256; a column that is added too."""
    client.run("CREATE TABLE t (a VARCHAR(4), b VARCHAR, c VARCHAR(MAX))")
    client.run("INSERT INTO t VALUES ('éé', repeat('x', 256), repeat('x', 65535))")
    said = client.refusal("INSERT INTO t (a) VALUES ('ééé')")
    assert (said["C"], said["M"]) == ("22001", "value too long for type character varying(4)")
    assert client.refusal("INSERT INTO t (b) VALUES (repeat('x', 257))")["C"] == "22001"
    assert client.refusal("INSERT INTO t (c) VALUES (repeat('é', 32768))")["C"] == "22001"
    client.run("ALTER TABLE t ADD COLUMN d VARCHAR(2)")
    assert client.refusal("INSERT INTO t (d) VALUES ('é€')")["C"] == "22001"


def test_a_varchar_is_widened_outside_of_a_transaction_only(client: Client) -> None:
    """And nothing else is ever retyped."""
    client.run("CREATE TABLE t (a VARCHAR(2), n INT)")
    client.run("ALTER TABLE t ALTER COLUMN a TYPE VARCHAR(6)")
    client.run("INSERT INTO t (a) VALUES ('ééé')")
    assert client.refusal("INSERT INTO t (a) VALUES ('éééé')")["C"] == "22001"
    assert "only a VARCHAR" in client.refusal("ALTER TABLE t ALTER COLUMN n TYPE VARCHAR(6)")["M"]
    assert client.refusal("ALTER TABLE t ALTER COLUMN n TYPE BIGINT")["C"] == "0A000"
    client.connection.autocommit = False
    said = client.refusal("ALTER TABLE t ALTER COLUMN a TYPE VARCHAR(8)")
    assert said["M"] == "ALTER TABLE ALTER COLUMN cannot run inside a transaction block"


def test_one_column_is_added_at_a_time_and_never_required(client: Client) -> None:
    """Redshift's own limits, which a migration must meet here already."""
    client.run("CREATE TABLE t (a INT)")
    assert "NOT NULL" in client.refusal("ALTER TABLE t ADD COLUMN b INT NOT NULL")["M"]
    assert client.refusal("ALTER TABLE t ADD COLUMN b INT, ADD COLUMN c INT")["C"] == "42601"


def test_identity_columns_count(client: Client) -> None:
    """IDENTITY takes no value; GENERATED BY DEFAULT does."""
    client.run("CREATE TABLE t (i BIGINT IDENTITY(10, 5), j BIGINT GENERATED BY DEFAULT AS IDENTITY(1, 1), a INT)")
    client.run("INSERT INTO t (a) VALUES (1), (2)")
    client.run("INSERT INTO t (j, a) VALUES (7, 3)")
    assert client.rows("SELECT i, j, a FROM t ORDER BY a") == [(10, 1, 1), (15, 2, 2), (20, 7, 3)]
    client.refusal("INSERT INTO t (i, a) VALUES (1, 1)")


def test_the_catalog_tells_types_as_redshift_names_them(client: Client) -> None:
    """Of tables that are empty and in any schema."""
    client.run("CREATE TABLE t (a VARCHAR(5), b SUPER, c VARBYTE(9), d NUMERIC(10, 2) NOT NULL, e CHAR(2))")
    listed = (
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable "
        "FROM svv_columns WHERE table_name = 't' AND table_schema = current_schema() ORDER BY ordinal_position"
    )
    assert client.rows(listed) == [
        ("a", "character varying", 5, None, None, "YES"),
        ("b", "super", None, None, None, "YES"),
        ("c", "varbyte", None, None, None, "YES"),
        ("d", "numeric", None, 10, 2, "NO"),
        ("e", "character", 2, None, None, "YES"),
    ]
    kinds = "SELECT table_name, table_type FROM svv_tables WHERE table_schema = current_schema()"
    assert client.rows(kinds) == [("t", "BASE TABLE")]


def test_a_late_binding_view_reads_what_bears_the_name_when_it_is_read(client: Client) -> None:
    """It is made before its table, does not keep it from being dropped or renamed, and reads the next of its name."""
    client.run("CREATE VIEW v AS SELECT a FROM t WITH NO SCHEMA BINDING")
    assert client.refusal("SELECT * FROM v")["C"] == "42P01"
    client.run("CREATE TABLE t (a INT)")
    client.run("INSERT INTO t VALUES (1)")
    assert client.rows("SELECT * FROM v") == [(1,)]
    client.run("ALTER TABLE t RENAME TO old")
    client.run("CREATE TABLE t (b INT, a VARCHAR(3))")
    client.run("INSERT INTO t VALUES (2, 'x')")
    assert client.rows("SELECT * FROM v") == [("x",)]
    client.run("DROP TABLE t")
    client.run("DROP VIEW v")
    client.run("CREATE TABLE t (a INT)")
    assert client.refusal("SELECT * FROM v")["C"] == "42P01"


def test_a_view_of_a_late_binding_view_is_made_again_too(client: Client) -> None:
    """In the order that they need, whatever changes below."""
    client.run("CREATE TABLE t (a INT)")
    client.run("CREATE VIEW v AS SELECT a FROM t WITH NO SCHEMA BINDING")
    client.run("CREATE VIEW w AS SELECT a + 1 AS b FROM v WITH NO SCHEMA BINDING")
    client.run("ALTER TABLE t ADD COLUMN c INT")
    client.run("INSERT INTO t (a) VALUES (1)")
    assert client.rows("SELECT b FROM w") == [(2,)]
    client.connection.autocommit = False
    client.run("DROP TABLE t")
    client.connection.rollback()
    assert client.rows("SELECT b FROM w") == [(2,)]


def test_a_bound_view_still_keeps_its_table(client: Client) -> None:
    """Redshift refuses to drop it, and so does this one."""
    client.run("CREATE TABLE t (a INT)")
    client.run("CREATE VIEW v AS SELECT a FROM t")
    assert client.refusal("DROP TABLE t")["C"] == "2BP01"


def test_a_table_dropped_leaves_nothing_in_the_registry(client: Client) -> None:
    """Another table may get its number one day."""
    client.run("CREATE TABLE t (a INT) DISTKEY (a)")
    oid = client.value("SELECT 't'::regclass::oid")
    client.run("DROP TABLE t")
    assert client.value("SELECT count(*) FROM headrace_redshift.physical WHERE table_oid = %s", oid) == 0


def test_a_late_binding_view_is_replaced_at_once(client: Client) -> None:
    """With those that read it, and by no CREATE that does not say so."""
    client.run("CREATE VIEW v AS SELECT 1 AS a WITH NO SCHEMA BINDING")
    client.run("CREATE VIEW w AS SELECT a FROM v WITH NO SCHEMA BINDING")
    client.run("CREATE OR REPLACE VIEW v AS SELECT 2 AS a WITH NO SCHEMA BINDING")
    assert client.rows("SELECT v.a, w.a FROM v, w") == [(2, 2)]
    client.run("CREATE OR REPLACE VIEW v AS SELECT 'x' AS b, 3 AS a WITH NO SCHEMA BINDING")
    assert client.rows("SELECT v.b, w.a FROM v, w") == [("x", 3)]
    assert client.refusal("CREATE VIEW v AS SELECT 4 AS a WITH NO SCHEMA BINDING")["C"] == "42P07"
    client.run("CREATE VIEW unbound AS SELECT a FROM nowhere WITH NO SCHEMA BINDING")
    assert client.refusal("CREATE VIEW unbound AS SELECT a FROM v WITH NO SCHEMA BINDING")["C"] == "42P07"
    assert client.rows("SELECT v.b, w.a FROM v, w") == [("x", 3)]


def test_a_late_binding_view_that_is_renamed_stays_one(client: Client) -> None:
    """As dbt puts every view in its place: made under another name, then renamed over the old one."""
    client.run("CREATE TABLE t (a INT)")
    for definition in ("SELECT a FROM t", "SELECT a + 1 AS a FROM t"):
        client.run(f"CREATE VIEW v_new AS {definition} WITH NO SCHEMA BINDING")
        client.run("DROP VIEW IF EXISTS v")
        client.run("ALTER TABLE v_new RENAME TO v")
    client.run("DROP TABLE t")
    client.run("CREATE TABLE t (a INT, b INT)")
    client.run("INSERT INTO t VALUES (1, 2)")
    assert client.rows("SELECT * FROM v") == [(2,)]
    assert client.rows("SELECT view_name FROM headrace_redshift.late_view WHERE schema_name = current_schema()") == [
        ("v",)
    ]


def test_a_late_binding_view_without_its_table_cannot_be_renamed(client: Client) -> None:
    client.run("CREATE VIEW v AS SELECT a FROM nowhere WITH NO SCHEMA BINDING")
    assert "not imitated locally" in client.refusal("ALTER TABLE v RENAME TO w")["M"]


def test_a_late_binding_view_depends_on_nothing(client: Client) -> None:
    """A bound view does: dbt asks which views a table takes along when it is dropped."""
    client.run("CREATE TABLE t (a INT)")
    client.run("CREATE VIEW bound AS SELECT a FROM t")
    client.run("CREATE VIEW late AS SELECT a FROM t WITH NO SCHEMA BINDING")
    dependents = """
        SELECT DISTINCT c.relname FROM pg_depend
        JOIN pg_rewrite ON pg_rewrite.oid = pg_depend.objid JOIN pg_class c ON c.oid = pg_rewrite.ev_class
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND pg_depend.refobjid <> c.oid"""
    assert client.rows(dependents) == [("bound",)]


def test_roles_and_what_they_may_read_are_shown(client: Client) -> None:
    """By the views that dbt asks before it grants."""
    schema = client.value("SELECT current_schema()")
    role = f"reader_of_{schema}"[:60]
    client.run("CREATE TABLE t (a INT)")
    client.run(f"CREATE ROLE {role}")
    try:
        assert client.value("SELECT count(*) FROM svv_roles WHERE role_name = %s", role) == 1
        client.run(f"GRANT SELECT ON t TO ROLE {role}")
        shown = (
            "SELECT privilege_type, identity_type, identity_name FROM svv_relation_privileges"
            " WHERE namespace_name = current_schema() AND relation_name = 't' AND identity_name <> current_user"
        )
        assert client.rows(shown) == [("SELECT", "role", role)]
        client.run(f"REVOKE SELECT ON t FROM ROLE {role}")  # noqa: S608
        assert client.rows(shown) == []
    finally:
        client.run(f"DROP ROLE {role}")

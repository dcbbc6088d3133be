"""Athena behind boto3: named queries and executions. Every call blocks on AWS, a query until it has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace_consumers.aws_retry import asked
from headrace_producers.errors import TerminalError
from headrace_sql.athena.queries import NamedQuery

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import NamedQueryTypeDef, QueryExecutionTypeDef, RowTypeDef

_POLL_S = (0.1, 0.2, 0.4, 0.8, 1.5)
"""Then the last one again."""
_RUNS = frozenset({"QUEUED", "RUNNING"})
_MOST_READ = 50
"""Named queries of one call."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as Athena writes them: text, None for null."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    scanned_bytes: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What `put` changed, by names."""

    created: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        return (
            *(f"create named query {name}" for name in self.created),
            *(f"replace named query {name}" for name in self.replaced),
        )


@dataclass(frozen=True, slots=True)
class Athena:
    """One workgroup. `output` is an S3 place for results; empty where the workgroup has one of its own."""

    client: AthenaClient
    workgroup: str
    database: str
    output: str = ""
    patience_s: float = 300.0

    def put(self, queries: Sequence[NamedQuery]) -> Difference:
        """Makes the workgroup's queries of these names as these are, one of each name: a `put` that died leaves two.
        Leaves all others alone."""
        known: dict[str, list[NamedQueryTypeDef]] = {}
        for said in self._named():
            known.setdefault(said["Name"], []).append(said)
        created: list[str] = []
        replaced: list[str] = []
        for query in queries:
            before = known.get(query.name, [])
            same = [said for said in before if (said["QueryString"], said.get("Description", "")) == _words(query)]
            if before and len(before) == len(same) == 1:
                continue
            (replaced if before else created).append(query.name)
            if not same:
                self._create(query)
            for said in before:
                if said not in same[:1]:
                    self._delete(said)
        return Difference(tuple(created), tuple(replaced))

    def run(self, sql: str) -> Answer:
        """Raises TerminalError with Athena's own reason where the query fails, is cancelled, or takes too long; in the
        last case it is stopped."""
        execution_id = self._start(sql)
        execution = self._await(execution_id)
        status = execution.get("Status", {})
        if status.get("State") != "SUCCEEDED":
            reason = " ".join(status.get("StateChangeReason", "no reason given").split())
            raise TerminalError(f"Athena: query {execution_id} {status.get('State', '').lower()}: {reason}")
        header, *rows = self._rows(execution_id)
        scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
        return Answer(tuple(value or "" for value in header), tuple(rows), scanned)

    # --- named queries

    def _named(self) -> Iterator[NamedQueryTypeDef]:
        ids: list[str] = []
        token = ""
        while True:
            more = {"NextToken": token} if token else {}
            page = asked(
                lambda more=more: self.client.list_named_queries(WorkGroup=self.workgroup, **more),  # type: ignore[misc]
                f"ListNamedQueries of {self.workgroup}",
            )
            ids += page["NamedQueryIds"]
            token = page.get("NextToken", "")
            if not token:
                break
        for begin in range(0, len(ids), _MOST_READ):
            chunk = ids[begin : begin + _MOST_READ]
            answer = asked(lambda: self.client.batch_get_named_query(NamedQueryIds=chunk), "BatchGetNamedQuery")  # noqa: B023
            yield from answer["NamedQueries"]

    def _create(self, query: NamedQuery) -> None:
        asked(
            lambda: self.client.create_named_query(
                Name=query.name, Description=query.description, Database=self.database, QueryString=query.sql,
                WorkGroup=self.workgroup,
            ),
            f"CreateNamedQuery of {query.name}",
        )  # fmt: skip

    def _delete(self, said: NamedQueryTypeDef) -> None:
        query_id = said.get("NamedQueryId", "")
        asked(lambda: self.client.delete_named_query(NamedQueryId=query_id), f"DeleteNamedQuery of {said['Name']}")

    # --- executions

    def _start(self, sql: str) -> str:
        place = {"ResultConfiguration": {"OutputLocation": self.output}} if self.output else {}
        answer = asked(
            lambda: self.client.start_query_execution(
                QueryString=sql, QueryExecutionContext={"Database": self.database}, WorkGroup=self.workgroup, **place  # type: ignore[arg-type]
            ),
            f"StartQueryExecution in {self.workgroup}",
        )  # fmt: skip
        return answer["QueryExecutionId"]

    def _await(self, execution_id: str) -> QueryExecutionTypeDef:
        until_s = time.monotonic() + self.patience_s
        polls = iter(_POLL_S)
        pause_s = 0.0
        while True:
            answer = asked(lambda: self.client.get_query_execution(QueryExecutionId=execution_id), "GetQueryExecution")
            execution = answer["QueryExecution"]
            if execution.get("Status", {}).get("State") not in _RUNS:
                return execution
            if time.monotonic() > until_s:
                asked(lambda: self.client.stop_query_execution(QueryExecutionId=execution_id), "StopQueryExecution")
                raise TerminalError(f"Athena: query {execution_id} ran longer than {self.patience_s:.0f} s: stopped")
            pause_s = next(polls, pause_s)
            time.sleep(pause_s)

    def _rows(self, execution_id: str) -> Iterator[tuple[str | None, ...]]:
        """The first one has the columns' names."""
        token = ""
        while True:
            more = {"NextToken": token} if token else {}
            page = asked(
                lambda more=more: self.client.get_query_results(QueryExecutionId=execution_id, **more),  # type: ignore[misc]
                "GetQueryResults",
            )
            yield from (_values(row) for row in page["ResultSet"].get("Rows", []))
            token = page.get("NextToken", "")
            if not token:
                return


def _words(query: NamedQuery) -> tuple[str, str]:
    return query.sql, query.description


def _values(row: RowTypeDef) -> tuple[str | None, ...]:
    return tuple(datum.get("VarCharValue") for datum in row.get("Data", []))

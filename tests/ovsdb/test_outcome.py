"""The server's words become typed errors."""

from __future__ import annotations

import pickle
from typing import Any
from uuid import UUID

import pytest

from ovnkit.errors import (
    Conflict,
    ConstraintViolation,
    PermissionDenied,
    ReferentialViolation,
    TransactionFailed,
)
from ovnkit.ovsdb.outcome import failure

INSERT = {"op": "insert", "table": "T", "row": {}}
DELETE = {"op": "delete", "table": "T", "where": []}
WAIT = {"op": "wait", "table": "T", "where": [["_uuid", "==", 1]], "columns": ["name"], "rows": [{}], "timeout": 0}


def test_a_reply_without_an_error_is_no_failure() -> None:
    assert failure([WAIT, INSERT, DELETE], [{}, {"uuid": ["uuid", "x"]}, {"count": 1}]) is None


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("constraint violation", ConstraintViolation),
        ("referential integrity violation", ReferentialViolation),
        ("permission error", PermissionDenied),
        ("resources exhausted", TransactionFailed),
    ],
)
def test_an_error_at_commit_comes_after_the_results(word: str, kind: type[TransactionFailed]) -> None:
    error = failure([INSERT], [{"uuid": ["uuid", "x"]}, {"error": word, "details": "why"}])
    assert error is not None
    assert type(error) is kind
    assert (error.error, error.details, error.operation, error.table) == (word, "why", None, None)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.details) == (kind, str(error), "why")


def test_an_error_of_an_operation_names_it() -> None:
    error = failure([WAIT, INSERT], [{"error": "timed out", "details": "x"}, None])
    assert type(error) is Conflict
    assert error.table == "T"
    assert "name changed since it was read" in str(error)


@pytest.mark.parametrize("results", [None, {}, "x", [], [{}], [{"uuid": ["uuid", "x"]}], [None, None], [{"error": 5}]])
def test_an_answer_that_is_none_does_not_tell(results: Any) -> None:
    with pytest.raises(ValueError, match="the server answered"):
        failure([INSERT, DELETE], results)


@pytest.mark.parametrize("result", [{"count": 0}, {"count": 2}, {"count": True}, {}, None, 7])
def test_an_operation_on_one_row_that_reports_another_count_does_not_tell(result: Any) -> None:
    with pytest.raises(ValueError, match="to delete"):
        failure([DELETE], [result])


@pytest.mark.parametrize("result", [{}, {"rows": None}, {"rows": [1]}, []])
def test_rows_that_are_none_do_not_tell(result: Any) -> None:
    with pytest.raises(ValueError, match="to select"):
        failure([{"op": "select", "table": "T", "where": []}], [result])


A, B = "635f4ecc-80f2-4148-a81e-b8cce13cf35f", "d5273735-d998-4a41-af36-9768ae8bd150"
INDEX = (
    'Transaction causes multiple rows in "{}" table to have identical values ({}) for index on {}.  First row, with '
    "UUID {}, {}.  Second row, with UUID {}, {}."
)
NEW, OLD = "was inserted by this transaction", "existed in the database before this transaction and was not modified"


@pytest.mark.parametrize(
    ("details", "table", "columns", "row"),
    [
        (INDEX.format("LSP", "a", 'column "name"', A, OLD, B, NEW), "LSP", ("name",), A),
        (INDEX.format("LSP", "a", 'column "name"', A, NEW, B, OLD), "LSP", ("name",), B),
        (INDEX.format("S", 'a and "1"', 'columns "lport" and "ip"', A, OLD, B, NEW), "S", ("lport", "ip"), A),
        (f"Table LS column ports row {A} references nonexistent row {B} in table LSP.", "LS", ("ports",), A),
        (f"cannot delete HA row {A} because of 1 remaining reference(s)", "HA", (), A),
        ('transaction causes "NB_Global" table to contain 2 rows, greater than the limit', "NB_Global", (), None),
        ('RBAC rules for client "c" role "r" prohibit row insertion into table "Chassis".', "Chassis", (), None),
        ("99999 is not in the valid range 0 to 32767 (inclusive)", None, (), None),
    ],
)
def test_an_error_says_which_table_columns_and_row(
    details: str, table: str | None, columns: tuple[str, ...], row: str | None
) -> None:
    error = failure([], [{"error": "constraint violation", "details": details}])
    assert error is not None
    assert (error.table, error.columns, error.row) == (table, columns, None if row is None else UUID(row))
    again = pickle.loads(pickle.dumps(error))
    assert (again.table, again.columns, again.row) == (error.table, error.columns, error.row)


def test_an_error_of_an_operation_is_about_its_row_and_the_columns_that_it_waits_for() -> None:
    wait = {**WAIT, "where": [["_uuid", "==", ["uuid", A]]]}
    error = failure([wait], [{"error": "timed out"}])
    assert error is not None
    assert (error.table, error.columns, error.row) == ("T", ("name",), UUID(A))
    error = failure([{**INSERT, "uuid": B}], [{"error": "constraint violation", "details": "9 is not allowed"}])
    assert error is not None
    assert (error.table, error.columns, error.row) == ("T", (), UUID(B))

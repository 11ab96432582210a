"""The server's words become typed errors."""

from __future__ import annotations

import pickle
from typing import Any

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


@pytest.mark.parametrize("results", [None, {}, "x", [], [{}]])
def test_an_answer_that_is_none_fails(results: Any) -> None:
    error = failure([INSERT, DELETE], results)
    assert error is not None
    assert error.error == "protocol error"


@pytest.mark.parametrize("result", [{"count": 0}, {"count": 2}, {}, None, 7])
def test_an_operation_on_one_row_must_have_found_it(result: Any) -> None:
    error = failure([DELETE], [result])
    assert error is not None
    assert error.operation == DELETE

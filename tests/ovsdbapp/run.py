"""Runs functional suites of ovsdbapp, as its wheel ships them, on one of two replicas.

``python -m tests.ovsdbapp.run {stock|ovnkit} RESULTS [SUITE…]`` writes what became of each test to the file RESULTS, as
JSON: outcome and, unless it passed, why. The suites print what they like, and start servers that do.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import unittest
from pathlib import Path
from typing import Any

from ovsdbapp.backend.ovs_idl import connection

__all__ = ["SUITES"]

# Not hardware_vtep and ovn_ic_northbound: distributions do not ship their schemas.
SUITES = (
    "backend.ovs_idl.test_connection",
    "backend.ovs_idl.test_idlutils",
    "backend.ovs_idl.test_indexing",
    "backend.ovs_idl.test_rowview",
    "schema.open_vswitch.test_common_db",
    "schema.open_vswitch.test_impl_idl",
    "schema.ovn_northbound.test_impl_idl",
    "schema.ovn_southbound.test_impl_idl",
)


class Results(unittest.TestResult):
    """What became of each test, by its id."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, tuple[str, str]] = {}

    def addSuccess(self, test: Any) -> None:  # noqa: N802
        # A test that failed is also over successfully where its subtests did.
        self.outcomes.setdefault(test.id(), ("passed", ""))

    def addFailure(self, test: Any, err: Any, *, details: Any = None) -> None:  # noqa: N802
        self.outcomes[test.id()] = ("failed", self._reason(test, err, details))

    def addError(self, test: Any, err: Any = None, *, details: Any = None) -> None:  # noqa: N802
        # Also of a class that could not be set up, whose tests are then not there.
        self.outcomes[test.id()] = ("failed", self._reason(test, err, details))

    def addSkip(self, test: Any, reason: Any = None, *, details: Any = None) -> None:  # noqa: N802
        self.outcomes[test.id()] = ("skipped", reason or self._reason(test, None, details))

    def addExpectedFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        self.outcomes[test.id()] = ("failed as expected", "")

    def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802
        self.outcomes[test.id()] = ("passed unexpectedly", "")

    def _reason(self, test: Any, err: Any, details: Any) -> str:
        if err is not None:
            return str(self._exc_info_to_string(err, test))  # type: ignore[attr-defined]
        return "\n".join(content.as_text() for content in (details or {}).values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("replica", choices=("stock", "ovnkit"))
    parser.add_argument("results", type=Path)
    parser.add_argument("suites", nargs="*", default=SUITES)
    options = parser.parse_args()
    if options.replica == "ovnkit":
        # Before the suites are imported: some make subclasses of it.
        connection.OvsdbIdl = importlib.import_module("ovnkit.ovsdb.app").Idl
    results = Results()
    loader = unittest.defaultTestLoader
    for suite in options.suites:
        loader.loadTestsFromName(f"ovsdbapp.tests.functional.{suite}").run(results)
    options.results.write_text(json.dumps(results.outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())

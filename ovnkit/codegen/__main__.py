"""``python -m ovnkit.codegen``: render the row classes, check that they are fresh, or import schemas into the facts."""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from ovnkit.codegen.facts import DIRECTORY, PACKAGES, read_facts, write_facts
from ovnkit.codegen.keys import FORMATS, KEYS, collect_keys, keys_text, read_formats, read_keys
from ovnkit.codegen.rendering import rows_source
from ovnkit.codegen.schemas import FactsError, History, merge, read_history, read_releases

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status: 1 where ``--check`` finds a difference, or schemas a contradiction."""
    parser = argparse.ArgumentParser(prog="python -m ovnkit.codegen", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where rows.py is not what the facts make"
    )
    parser.add_argument("--facts", type=Path, default=DIRECTORY, metavar="DIR", help="where the facts are kept")
    parser.add_argument(
        "--package", type=Path, default=DIRECTORY.parent, metavar="DIR", help="the package ovnkit to write to"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    importing = commands.add_parser("import", help="make the facts anew from schemas, then render")
    importing.add_argument(
        "directory", type=Path, metavar="DIR", help="holds ovn-RELEASE/ and ovs-RELEASE/ with *.ovsschema"
    )
    importing.add_argument(
        "--history", type=Path, default=DIRECTORY / "history.txt", metavar="FILE", help="what came when"
    )
    keys = commands.add_parser("keys", help="make the list of documented keys anew from man pages, then render")
    keys.add_argument(
        "directory", type=Path, metavar="DIR", help="holds ovn-RELEASE/ and ovs-RELEASE/ with *.5.gz and *.8.gz"
    )
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "import":
            _import(arguments.directory, arguments.history, arguments.facts)
        elif arguments.command == "keys":
            (arguments.facts / KEYS).write_text(keys_text(collect_keys(arguments.directory)), encoding="utf-8")
    except FactsError as error:
        print(f"ovnkit.codegen: {error}", file=sys.stderr)
        return 1
    fresh = [_render(database, arguments.facts, arguments.package, check=arguments.check) for database in PACKAGES]
    return 0 if all(fresh) or not arguments.check else 1


def _import(schemas: Path, history: Path, facts: Path) -> None:
    histories = read_history(history.read_text(encoding="utf-8"))
    for database, releases in read_releases(schemas).items():
        if database in PACKAGES:
            print(write_facts(merge(releases, histories.get(database, History())), facts))


def _render(database: str, facts: Path, package: Path, *, check: bool) -> bool:
    path = package / PACKAGES[database] / "rows.py"
    source = rows_source(read_facts(database, facts), read_keys(facts / KEYS), read_formats(facts / FORMATS))
    committed = path.read_text(encoding="utf-8") if path.exists() else ""
    if committed == source:
        return True
    if check:
        lines = difflib.unified_diff(
            committed.splitlines(), source.splitlines(), str(path), "from the facts", lineterm="", n=1
        )
        print("\n".join(list(lines)[:40]))
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        print(path)
    return False


if __name__ == "__main__":
    sys.exit(main())

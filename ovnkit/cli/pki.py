"""``ovnkit pki``: an authority, the certificates that it signs, and what is wrong with any."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ovnkit.cli.arguments import add_json, days, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ovnkit.cli.arguments import Commands
    from ovnkit.deploy.pki import Finding

__all__ = ["add_commands"]

_SOMETHING_TO_DO = 2
_USAGE = 64
_EPILOG = "Exit status: 0 all well, 2 something to do soon (check), 1 failed or refused, 64 wrong usage."


def add_commands(commands: Commands) -> None:
    """Add ``pki`` with its commands."""
    pki = commands.add_parser("pki", help="certificates for TLS", epilog=_EPILOG)
    commands = pki.add_subparsers(required=True, metavar="COMMAND")
    _add_authority(commands)
    _add_issue(commands)
    showing = commands.add_parser("show", help="what certificates say", epilog=_EPILOG)
    showing.add_argument("files", metavar="FILE", nargs="+", help="certificates in PEM")
    showing.set_defaults(run=_show)
    add_json(showing)
    _add_check(commands)


def _add_authority(commands: Commands) -> None:
    parser = commands.add_parser(
        "ca", help="make the authority of a cluster, or have another follow it", epilog=_EPILOG
    )
    parser.add_argument("directory", metavar="DIR", help="where it is; made for its owner alone if it is not there")
    parser.add_argument("--common-name", metavar="CN", help="its name (default: OVN authority)")
    parser.add_argument("--days", type=days, default=3650, metavar="N", help="how long it lasts (default: 3650)")
    step = parser.add_mutually_exclusive_group()
    for name, what in (
        ("prepare", "make the one that is to follow; then hand cacert.pem, which has both, to all hosts"),
        ("switch", "sign with that from now on; then issue everything, and hand it out"),
        ("retire", "trust that alone; then hand cacert.pem out once more"),
    ):
        step.add_argument(f"--{name}", dest="step", action="store_const", const=name, help=what)
    add_json(parser)
    parser.set_defaults(run=_authority)


def _add_issue(commands: Commands) -> None:
    parser = commands.add_parser(
        "issue", help="have a key and a certificate, made anew where they end soon", epilog=_EPILOG
    )
    parser.add_argument("directory", metavar="DIR", help="that of the authority")
    parser.add_argument("name", metavar="NAME", help="what the files are called")
    parser.add_argument("--common-name", metavar="CN", help="a chassis' system-id, say (default: NAME)")
    parser.add_argument(
        "--name", dest="names", action="append", default=[], metavar="HOST", help="what clients connect to; repeatable"
    )
    parser.add_argument("--server", action="store_true", help="it may be shown as a server as well as a client")
    parser.add_argument("--days", type=days, default=365, metavar="N", help="how long it lasts (default: 365)")
    parser.add_argument("--renew", action="store_true", help="make it anew, whatever is there")
    add_json(parser)
    parser.set_defaults(run=_issue)


def _add_check(commands: Commands) -> None:
    parser = commands.add_parser(
        "check", help="what is wrong: with all of a directory, or with files from elsewhere", epilog=_EPILOG
    )
    parser.add_argument("directory", metavar="DIR", nargs="?", help="that of the authority")
    for name, what in (("key", "private key"), ("cert", "certificate"), ("ca", "certificates of trusted authorities")):
        parser.add_argument(f"--{name}", metavar="FILE", help=what)
    parser.add_argument("--owner", type=int, metavar="UID", help="of whom uses the key (default: of this process)")
    parser.add_argument("--system-id", metavar="ID", help="of the chassis whose certificate it is")
    parser.add_argument(
        "--name", dest="names", action="append", default=[], metavar="HOST", help="what clients connect to; repeatable"
    )
    parser.add_argument(
        "--usage", action="append", choices=("server", "client"), default=[], help="what it is used for; repeatable"
    )
    add_json(parser)
    parser.set_defaults(run=_check)


def _authority(options: argparse.Namespace) -> int:
    from ovnkit.cli.structures import identity
    from ovnkit.deploy import pki

    if options.step == "switch":
        found = pki.switch_authority(options.directory)
    elif options.step == "retire":
        found = pki.retire_authority(options.directory)
    else:
        make = pki.prepare_authority if options.step == "prepare" else pki.create_authority
        found = make(options.directory, common_name=options.common_name, days=options.days)
    show(options, found, lambda: identity(found))
    return 0


def _issue(options: argparse.Namespace) -> int:
    from ovnkit.cli.structures import identity
    from ovnkit.deploy import pki

    found = pki.issue(
        options.directory,
        options.name,
        common_name=options.common_name,
        names=options.names,
        usage=("server", "client") if options.server else ("client",),
        days=options.days,
        renew=options.renew,
    )
    show(options, found, lambda: identity(found))
    return 0


def _show(options: argparse.Namespace) -> int:
    from ovnkit.cli.structures import certificate
    from ovnkit.deploy import pki

    found = {file: pki.show(file) for file in options.files}
    text = "\n".join(f"{file}: {one}" for file, shown in found.items() for one in shown)
    show(options, text, lambda: {"files": {file: [certificate(one) for one in found[file]] for file in found}})
    return 0


def _check(options: argparse.Namespace) -> int:
    from ovnkit.cli.structures import finding
    from ovnkit.deploy import pki
    from ovnkit.remote import Tls

    files = (options.key, options.cert, options.ca)
    expected = {"owner": options.owner, "usage": options.usage, "names": options.names, "system_id": options.system_id}
    found: Mapping[str, Sequence[Finding]]
    if options.directory is not None and not any((*files, *expected.values())):
        found = pki.check_directory(options.directory)
    elif options.directory is None and all(files):
        found = {options.cert: pki.check_files(Tls(*files), **expected)}
    else:
        print("ovnkit: check takes DIR alone, or all of --key, --cert and --ca", file=sys.stderr)
        return _USAGE
    lines = [f"{name}: {one}" for name, findings in found.items() for one in findings or ("ok",)]
    show(
        options,
        "\n".join(lines),
        lambda: {"certificates": {name: [finding(one) for one in findings] for name, findings in found.items()}},
    )
    severities = {one.severity for findings in found.values() for one in findings}
    return 1 if "refuse" in severities else _SOMETHING_TO_DO if severities else 0

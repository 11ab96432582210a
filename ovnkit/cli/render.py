"""``ovnkit render``: the files of a host that tell the services around OVN what a TOML file says."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ovnkit.cli.arguments import add_json, show

if TYPE_CHECKING:
    from ovnkit.cli.arguments import Commands
    from ovnkit.deploy import FilesPlan, Rendered, Spec

__all__ = ["add_commands"]

_SOMETHING_TO_DO = 2
_USAGE = 64
_EPILOG = "Exit status: 0 all done, 2 something to do (with --dry-run), 1 failed, 64 wrong usage."


def add_commands(commands: Commands) -> None:
    """Add ``render``."""
    render = commands.add_parser(
        "render",
        help="the files of a host for Neutron and its metadata agent",
        description="Without an option it prints them, secrets hidden.",
        epilog=_EPILOG,
    )
    render.add_argument("file", metavar="FILE", help="the TOML file that describes the cluster")
    render.add_argument("host", metavar="HOST", nargs="?", help="the name of a host in the file")
    render.add_argument(
        "--kolla", action="store_true", help="for Kolla's containers; without HOST, the variables of Kolla-Ansible"
    )
    where = render.add_mutually_exclusive_group()
    where.add_argument("--output", metavar="DIR", help="write them below a directory, into what is there")
    where.add_argument("--merge", action="store_true", help="write them on the host, into what is there")
    render.add_argument("--dry-run", action="store_true", help="only say what would change")
    add_json(render)
    render.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from ovnkit import deploy

    if options.dry_run and not (options.output or options.merge):
        return _wrong("--dry-run goes with --output or --merge")
    if options.host is None and (options.merge or not options.kolla):
        return _wrong("which HOST?")
    spec = deploy.load(options.file)
    try:
        files = _files(options, spec)
    except KeyError as exc:
        return _wrong(exc.args[0])
    if not (options.output or options.merge):
        return _show(options, spec, files)
    plan = _plan(options, spec, files)
    if not options.dry_run:
        plan = plan.apply()
    return _show_plan(options, plan)


def _wrong(text: str) -> int:
    print(f"ovnkit: {text}", file=sys.stderr)
    return _USAGE


def _files(options: argparse.Namespace, spec: Spec) -> tuple[Rendered, ...]:
    from ovnkit import deploy

    if options.host is None:
        return deploy.kolla.variables(spec)
    return deploy.kolla.files(spec, options.host) if options.kolla else deploy.render(spec, options.host)


def _show(options: argparse.Namespace, spec: Spec, files: tuple[Rendered, ...]) -> int:
    from ovnkit.cli.structures import rendered

    commands = [shlex.join(command) for command in _commands(options, spec)]
    blocks = [f"# {file.path}, mode {file.mode:04o}\n{file}" for file in files]
    blocks += [f"# then, on one host with neutron-server: {command}\n" for command in commands]
    text = "\n".join(blocks).removesuffix("\n") or f"# nothing for {options.host or 'Kolla-Ansible'}"
    show(options, text, lambda: {"files": rendered(files), "database_commands": commands})
    return 0


def _commands(options: argparse.Namespace, spec: Spec) -> tuple[tuple[str, ...], ...]:
    """What brings Neutron's database to its release; Kolla-Ansible does that itself."""
    from ovnkit import deploy

    has_server = spec.neutron is not None and options.host in spec.neutron.servers
    return deploy.database_commands(spec) if has_server and not options.kolla else ()


def _plan(options: argparse.Namespace, spec: Spec, files: tuple[Rendered, ...]) -> FilesPlan:
    from ovnkit import deploy
    from ovnkit.deploy.rendered import below
    from ovnkit.errors import NeedsHost

    if options.merge:
        access = _access(spec, options.host)
        if access is None:
            words = ["ovnkit", "render", options.file, options.host, *(["--kolla"] if options.kolla else [])]
            raise NeedsHost(f"writing the files of {options.host}", shlex.join([*words, "--output", "/"]))
        return deploy.plan_files(files, deploy.open_host(access, options.host))
    files = below(files, options.output)
    if not options.dry_run:
        for file in files:
            Path(file.path).parent.mkdir(parents=True, exist_ok=True)
    return deploy.plan_files(files, deploy.open_host("local", options.host or "this machine"))


def _access(spec: Spec, host: str) -> str | tuple[str, ...] | None:
    members = [member for member in spec.central.members if member.host == host]
    return spec.access_of(members[0]) if members else spec.host(host).access


def _show_plan(options: argparse.Namespace, plan: FilesPlan) -> int:
    from ovnkit.cli.structures import file_edits

    show(options, plan, lambda: {"something_to_do": options.dry_run and bool(plan), "files": file_edits(plan.edits)})
    return _SOMETHING_TO_DO if plan and options.dry_run else 0

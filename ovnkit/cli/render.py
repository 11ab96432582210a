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
    render.add_argument("host", metavar="HOST", help="the name of a host in the file")
    where = render.add_mutually_exclusive_group()
    where.add_argument("--output", metavar="DIR", help="write them below a directory, into what is there")
    where.add_argument("--merge", action="store_true", help="write them on the host, into what is there")
    render.add_argument("--dry-run", action="store_true", help="only say what would change")
    add_json(render)
    render.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from ovnkit import deploy

    if options.dry_run and not (options.output or options.merge):
        print("ovnkit: --dry-run goes with --output or --merge", file=sys.stderr)
        return _USAGE
    spec = deploy.load(options.file)
    try:
        files = deploy.render(spec, options.host)
    except KeyError as exc:
        print(f"ovnkit: {exc.args[0]}", file=sys.stderr)
        return _USAGE
    if not (options.output or options.merge):
        return _show(options, spec, files)
    plan = _plan(options, spec, files)
    if not options.dry_run:
        plan = plan.apply()
    return _show_plan(options, plan)


def _show(options: argparse.Namespace, spec: Spec, files: tuple[Rendered, ...]) -> int:
    from ovnkit import deploy
    from ovnkit.cli.structures import rendered

    has_server = spec.neutron is not None and options.host in spec.neutron.servers
    commands = [shlex.join(command) for command in deploy.database_commands(spec)] if has_server else []
    blocks = [f"# {file.path}, mode {file.mode:04o}\n{file}" for file in files]
    blocks += [f"# then, on one host with neutron-server: {command}\n" for command in commands]
    text = "\n".join(blocks).removesuffix("\n") or f"# nothing for {options.host}"
    show(options, text, lambda: {"files": rendered(files), "database_commands": commands})
    return 0


def _plan(options: argparse.Namespace, spec: Spec, files: tuple[Rendered, ...]) -> FilesPlan:
    from ovnkit import deploy
    from ovnkit.deploy.rendered import below
    from ovnkit.errors import NeedsHost

    if options.merge:
        access = spec.host(options.host).access
        if access is None:
            command = shlex.join(["ovnkit", "render", options.file, options.host, "--output", "/"])
            raise NeedsHost(f"writing the files of {options.host}", f"{command}, on the host")
        return deploy.plan_files(files, deploy.open_host(access, options.host))
    files = below(files, options.output)
    if not options.dry_run:
        for file in files:
            Path(file.path).parent.mkdir(parents=True, exist_ok=True)
    return deploy.plan_files(files, deploy.open_host("local", options.host))


def _show_plan(options: argparse.Namespace, plan: FilesPlan) -> int:
    from ovnkit.cli.structures import file_edits

    show(options, plan, lambda: {"something_to_do": options.dry_run and bool(plan), "files": file_edits(plan.edits)})
    return _SOMETHING_TO_DO if plan and options.dry_run else 0

"""The reference of the command line, made of what the parsers of its commands say."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Commands(SphinxDirective):
    """A section for each command of ovnkit: what it is for, how it is called, and its arguments."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        from ovnkit.cli.command import _parser

        return [self._section(parser, what) for parser, what in _commands(_parser())]

    def _section(self, parser: argparse.ArgumentParser, what: str) -> nodes.section:
        section = nodes.section(ids=[nodes.make_id(parser.prog)])
        self.state.document.note_explicit_target(section)
        section += nodes.title(text=parser.prog)
        section += nodes.paragraph(text=f"{what[:1].upper()}{what[1:]}.")
        section += nodes.literal_block(text=parser.format_usage().removeprefix("usage: ").strip())
        arguments = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
        if arguments:
            section += nodes.definition_list("", *map(_argument, arguments))
        return section


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Those that do something, with the line of help that each has."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                further = list(_commands(command))
                yield from further or [(command, helps[name])]


def _argument(action: argparse.Action) -> nodes.definition_list_item:
    names = " | ".join(action.option_strings)
    value = "" if action.nargs == 0 else action.metavar or "|".join(action.choices or ()) or action.dest
    term = nodes.term("", "", nodes.literal(text=f"{names} {value}".strip()))
    text = (action.help or "").replace("%%", "%")
    return nodes.definition_list_item("", term, nodes.definition("", nodes.paragraph(text=text)))

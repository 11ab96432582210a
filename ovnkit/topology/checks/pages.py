"""A page of documentation for each rule, and the table of all of them, made of what the rules say of themselves."""

from __future__ import annotations

from ovnkit.errors import InvalidValue
from ovnkit.topology.checks.rule import DATABASES, Rule
from ovnkit.topology.checks.rules import RULES, THEMES, ids_like

__all__ = ["explain", "pages"]

_HEAD = "<!-- Made of the rule by `python -m ovnkit.topology.checks docs/checks`; do not edit. -->"


def pages() -> dict[str, str]:
    """Every page, by the name of its file: one for each rule, and ``index.md``."""
    return {"index.md": _index(), **{f"{one.id}.md": f"{_HEAD}\n{_page(one)}" for one in RULES}}


def explain(id: str) -> str:
    """What there is to say about the rule of this id, as Markdown. Raises InvalidValue where there is none."""
    for one in RULES:
        if one.id == id:
            return _page(one)
    raise InvalidValue(table="explain()", column="id", value=id, allowed=ids_like(id))


def _page(rule: Rule) -> str:
    return "\n".join(
        (
            f"# {rule.id}: {rule.title}",
            "",
            f"Severity: {rule.severity}. Looked for in {' and '.join(DATABASES[one] for one in rule.needs)}.",
            "",
            "```text",
            f"{rule.severity} {rule.id}: {rule.example}",
            "```",
            "",
            "## Why it matters",
            "",
            rule.why,
            "",
            "## How to mend it",
            "",
            f"{rule.remedy.rstrip('.')}.",
            "",
            "## Where it comes from",
            "",
            f"{rule.source}.",
            "",
        )
    )


def _index() -> str:
    lines = [_HEAD, "# Rules", ""]
    for beginning, theme in THEMES.items():
        lines += [f"## {theme}", "", "| rule | severity | what is wrong |", "|---|---|---|"]
        own = [one for one in RULES if one.id.startswith(beginning)]
        lines += [f"| [{one.id}]({one.id}.md) | {one.severity} | {one.title} |" for one in own]
        lines += [""]
    lines += ["```{toctree}", ":hidden:", "", *(one.id for one in RULES), "```", ""]
    return "\n".join(lines)

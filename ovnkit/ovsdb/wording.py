"""The facts of columns in words, for docstrings and descriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ovnkit.ovsdb.schema import BaseType, ColumnType

__all__ = ["column_in_words", "span_in_words"]


def column_in_words(
    type: ColumnType,
    class_name: Callable[[str], str],
    product: str,
    *,
    since: str | None = None,
    until: str | None = None,
    immutable: bool = False,
    ephemeral: bool = False,
    gone: Mapping[str, str] | None = None,
) -> str:
    """What a column holds, and since when. ``class_name`` gives the row class of a table."""
    notes = [_type(type, class_name)]
    if type.is_required(gone or ()):
        notes.append("required")
    if immutable:
        notes.append("cannot change after insertion")
    if ephemeral:
        notes.append("not kept on disk")
    if span := span_in_words(since, until, product):
        notes.append(span)
    notes += [f"{word!r} gone in {product} {release}" for word, release in (gone or {}).items()]
    return "; ".join(notes)


def span_in_words(since: str | None, until: str | None, product: str) -> str:
    """Between which releases something is there; empty for always."""
    notes = ([f"since {product} {since}"] if since else []) + ([f"gone in {product} {until}"] if until else [])
    return ", ".join(notes)


def _type(type: ColumnType, class_name: Callable[[str], str]) -> str:
    if type.value is not None:
        text = f"map of {_base(type.key, class_name, plural=True)} to {_base(type.value, class_name, plural=True)}"
    elif type.is_scalar:
        return _base(type.key, class_name, plural=False)
    elif type.is_optional:
        return f"{_base(type.key, class_name, plural=False)}, or None"
    else:
        text = f"set of {_base(type.key, class_name, plural=True)}"
    if type.min > 0:
        text += f", at least {type.min}"
    if type.max is not None:
        text += f", at most {type.max}"
    return text


def _base(base: BaseType, class_name: Callable[[str], str], *, plural: bool) -> str:
    if base.ref_table is not None:
        noun = "weak reference" if base.ref_type == "weak" else "reference"
        return f"{noun}{'s' if plural else ''} to {class_name(base.ref_table)}"
    if base.enum is not None:
        return ("words " if plural else "") + _alternatives(sorted(map(repr, base.enum)))
    text = {"real": "number", "uuid": "UUID"}.get(base.type, base.type) + ("s" if plural else "")
    if base.minimum is not None and base.maximum is not None:
        text += f" {base.minimum} to {base.maximum}"
    elif base.minimum is not None:
        text += f" from {base.minimum}"
    elif base.maximum is not None:
        text += f" up to {base.maximum}"
    if base.min_length:
        text += f" of at least {base.min_length} characters"
    if base.max_length is not None:
        text += f" of at most {base.max_length} characters"
    return text


def _alternatives(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last

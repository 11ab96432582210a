"""A value that nobody is to see: it is shown as ``***`` wherever it is not asked for by name."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, Final, NoReturn, Self

from ovnkit.errors import SpecError

__all__ = ["PRIVATE", "Secret"]

PRIVATE: Final = 0o600
"""The mode of every file that has a secret in it."""

_SHOWN: Final = "***"


class Secret:
    """A secret text. ``reveal()`` gives it; printing, logging, formatting and ``attrs.asdict`` do not.

    It is not pickled, and ``json.dumps`` refuses it. Equal to another Secret of the same text. ``file`` is the path
    that it was read from, None where it was given.
    """

    __slots__ = ("_text", "file")
    _text: str
    file: str | None

    def __init__(self, text: str, *, file: str | None = None) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a secret is text, not {type(text).__name__}")
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "file", file)

    @classmethod
    def read(cls, path: str | Path, *, key: str) -> Self:
        """The secret in a file, without the end of its line; ``key`` is what errors call it.

        Raises SpecError where the file cannot be read, or others than its owner may read it too.
        """
        try:
            mode = stat.S_IMODE(Path(path).stat().st_mode)
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SpecError(key=key, value=str(path), allowed=f"a file with the secret; {reason}") from None
        if mode & 0o077:
            raise SpecError(key=key, value=str(path), allowed=f"a file of mode 0600; this one has {mode:04o}")
        return cls(text.removesuffix("\n").removesuffix("\r"), file=str(path))

    def reveal(self) -> str:
        """The text."""
        return self._text

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a secret cannot be changed; cannot set {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return _SHOWN

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled; reveal() gives its text")

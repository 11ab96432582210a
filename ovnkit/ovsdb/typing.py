"""What the type checkers know of rows: generated classes fit these protocols. Not used at run time."""

from __future__ import annotations

from typing import Any, ParamSpec, Protocol, TypeVar

__all__ = ["Editable", "Readable", "Waitable"]

P = ParamSpec("P")
D_co = TypeVar("D_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Readable(Protocol[D_co, P, R_co]):
    """A row class, for get, find and watch: its columns are the keyword arguments."""

    def _in(self) -> D_co: ...
    def _where(self, *args: P.args, **columns: P.kwargs) -> R_co: ...


class Waitable(Protocol[D_co, P, R_co]):
    """A row class, for wait: its columns, and timeout."""

    def _in(self) -> D_co: ...
    def _wait(self, *args: P.args, **columns: P.kwargs) -> R_co: ...


class Editable(Protocol[D_co, P]):
    """A row, for update."""

    def _in(self) -> D_co: ...
    def __replace__(self, *args: P.args, **columns: P.kwargs) -> Any: ...

"""What can be written to a column besides a whole value, and asked of it besides containment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

__all__ = ["Add", "Exactly", "Put", "Remove"]

T_co = TypeVar("T_co", covariant=True)
K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)


class _Edit:
    __slots__ = ("_value",)
    _value: Any

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._value!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._value == self._value

    __hash__ = None  # type: ignore[assignment]


class Add(_Edit, Generic[T_co]):
    """Members to add to a set, beside other writers: ``tx.update(switch, ports=Add(port))``."""

    __slots__ = ()

    def __init__(self, *members: T_co) -> None:
        self._value = members

    @property
    def members(self) -> tuple[Any, ...]:
        """What is added."""
        return self._value  # type: ignore[no-any-return]


class Remove(_Edit, Generic[T_co]):
    """Members to take out of a set, or keys out of a map, beside other writers. Absent ones are no error."""

    __slots__ = ()

    def __init__(self, *members: T_co) -> None:
        self._value = members

    @property
    def members(self) -> tuple[Any, ...]:
        """What is removed."""
        return self._value  # type: ignore[no-any-return]


class Put(_Edit, Generic[K, V_co]):
    """Keys to set in a map, beside other writers: ``tx.update(row, external_ids=Put({"owner": "me"}))``.

    A key that another writer changed since it was read is a Conflict.
    """

    __slots__ = ()

    def __init__(self, pairs: Mapping[K, V_co] | Iterable[tuple[K, V_co]]) -> None:
        self._value = dict(pairs)

    @property
    def pairs(self) -> dict[Any, Any]:
        """What is set."""
        return self._value  # type: ignore[no-any-return]


class Exactly(_Edit, Generic[T_co]):
    """A filter that compares a whole set or map: ``nb.find(ACL, external_ids=Exactly({}))``."""

    __slots__ = ()

    def __init__(self, value: T_co) -> None:
        self._value = value

    @property
    def value(self) -> Any:
        """What the column must equal."""
        return self._value

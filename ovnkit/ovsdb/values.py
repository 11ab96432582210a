"""The two value types that Python does not bring along: immutable maps and typed references."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from ovnkit.errors import _is_secret

__all__ = ["Map", "Ref"]

K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Map(Mapping[K, V_co]):
    """The value of a map column: an immutable, hashable, picklable mapping, printed in the order of its keys.

    What a key calls a secret (password, token, …) is printed as ``***``.
    """

    __slots__ = ("_hash", "_pairs")

    def __init__(self, pairs: Mapping[K, V_co] | Iterable[tuple[K, V_co]] = ()) -> None:
        self._pairs = dict(pairs)
        self._hash: int | None = None

    def __getitem__(self, key: K) -> V_co:
        return self._pairs[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __contains__(self, key: object) -> bool:
        return key in self._pairs

    # As of Mapping, whose views would come back here for every pair.

    def keys(self) -> KeysView[K]:
        """The keys."""
        return self._pairs.keys()

    def values(self) -> ValuesView[V_co]:
        """The values."""
        return self._pairs.values()

    def items(self) -> ItemsView[K, V_co]:
        """The pairs."""
        return self._pairs.items()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Map):
            return self._pairs == other._pairs
        return isinstance(other, Mapping) and self._pairs == dict(other)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._pairs.items()))
        return self._hash

    def __repr__(self) -> str:
        pairs = sorted(self._pairs.items(), key=lambda pair: str(pair[0]))
        return "{" + ", ".join(f"{key!r}: {'***' if _is_secret(key) else value!r}" for key, value in pairs) + "}"

    def __reduce__(self) -> tuple[Any, ...]:
        return Map, (self._pairs,)


class Ref(Generic[R_co]):
    """A reference to a row: its class and its uuid. ``client[ref]`` gives the row."""

    __slots__ = ("row_class", "uuid")
    row_class: type[R_co]
    uuid: UUID

    def __init__(self, row_class: type[R_co], uuid: UUID) -> None:
        if not isinstance(uuid, UUID):
            raise TypeError(f"a reference needs a uuid.UUID, not {uuid!r}")
        object.__setattr__(self, "row_class", row_class)
        object.__setattr__(self, "uuid", uuid)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"references are immutable; cannot set {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other.uuid == self.uuid and other.row_class is self.row_class

    def __hash__(self) -> int:
        return hash(self.uuid)

    def __lt__(self, other: Self) -> bool:
        return self.uuid < other.uuid

    def __repr__(self) -> str:
        return f"Ref({self.row_class.__name__}, {str(self.uuid)[:8]})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Ref, (self.row_class, self.uuid)

"""Texts of databases with other names and addresses in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

import msgspec

from ovnkit.formats import ip_version
from ovnkit.topology.anonymity.addresses import Addresses
from ovnkit.topology.anonymity.vocabulary import is_symbol, is_word

__all__ = ["Texts"]

_IPV4 = r"(?<!\w)(?<!\w\.)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.\w)"
_MAC = r"(?<![\w:])[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}(?![\w:])"
_IPV6 = r"(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{2,39}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})?(?![\w:])"
_PIECES = re.compile(
    rf"(?P<address>(?:{_MAC}|{_IPV4}|{_IPV6})(?:/(?:{_MAC}|{_IPV4}|{_IPV6}|[0-9]{{1,3}}\b))?)"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*")'
    r"|(?P<range>\.\.)"
    r"|(?P<word>[^\s,;:=@$%^\"'()\[\]{}|&!<>/\\]+)"
)
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|/\*.*?\*/|//[^\n]*', re.DOTALL)
_PREFIX = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){2}")
_REVERSE = ".in-addr.arpa"
_VERSION = re.compile(r"[0-9]{1,5}(?:[.-][0-9]{1,5}){1,8}")

_SPACE = re.compile(r"\s")
_DERIVABLE = re.compile(r"(?:cr-|patch-|int-|phy-|ct-zone-|[0-9]{1,10}_).|.*_(?:ip)?[46]\Z", re.DOTALL)

# What OVN, neutron and ovn-controller make of names.
_DERIVED = [
    re.compile(form, re.DOTALL)
    for form in (
        r"(cr-)(.+)()()",
        r"(patch-)(.+)(-to-)(br-int)",
        r"(patch-br-int-to-)(.+)()()",
        r"(int-|phy-)(.+)()()",
        r"(ct-zone-)(.+?)(_dnat|_snat|)()",
        r"([0-9]{1,10}_)(.+)()()",
        r"()(.+)(_ip[46])()",
        r"()(.+)(_[46])()",
    )
]


class Texts:
    """One name in the place of each, the same wherever it stands, and the texts that have names in them."""

    def __init__(self, addresses: Addresses, uuids: frozenset[str]) -> None:
        self._addresses = addresses
        self._uuids = uuids
        """Of rows: they stay, and so do their first eight digits, which is how OVN hints at rows."""
        self._hints = frozenset(uuid[:8] for uuid in uuids)
        self._names: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._done: dict[tuple[str, bool], str] = {}

    def learn(self, name: str, kind: str) -> None:
        """A name that things of this kind have. What is learnt before texts are replaced is found in them."""
        if self._known(name) is None:
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            self._names[name] = f"{kind}_{number}"

    def name(self, name: str) -> str:
        """What is in the place of a name."""
        known = self._known(name)
        if known is None:
            self.learn(name, "text")
            known = self._names[name]
        return known

    def text(self, text: str, *, expression: bool = False) -> str:
        """What is in the place of a text. ``expression``: it is a match, or actions (ovn-sb(5), Logical_Flow)."""
        done = self._done.get((text, expression))
        if done is None:
            done = self._done[text, expression] = self._replaced(text, expression=expression)
        return done

    def version(self, text: str) -> str:
        """The same for the number of a version, which stays."""
        return text if _VERSION.fullmatch(text) else self.text(text)

    def _is_plain(self, text: str) -> bool:
        return is_word(text) or text.lower() in self._uuids or text in self._hints

    def _known(self, name: str) -> str | None:
        """What is in the place of a name that is known, or made of one that is; None where it is not."""
        if name in self._names:
            return self._names[name]
        if not name or self._is_plain(name):
            return name
        for form in _DERIVED if _DERIVABLE.match(name) else ():
            if (match := form.fullmatch(name)) and match[2] in self._names:
                return f"{match[1]}{self._names[cast('str', match[2])]}{match[3]}{match[4]}"
        return None

    def _replaced(self, text: str, *, expression: bool) -> str:
        if not expression:
            if (known := self._known(text)) is not None:
                return known
            if _PREFIX.fullmatch(text):
                return "02:00:00"
            if _SPACE.search(text) and not self._is_made_of_known(text):
                # A sentence, or a name with blanks.
                return self.name(text)
            return _PIECES.sub(self._piece, text)
        return _PIECES.sub(self._symbol, _COMMENT.sub(lambda match: match[1] or " ", text))

    def _is_made_of_known(self, text: str) -> bool:
        return all(self._is_known(match) for match in _PIECES.finditer(text))

    def _is_known(self, match: re.Match[str]) -> bool:
        if match["address"]:
            return self._address(match["address"]) is not None
        return match["range"] is not None or self._known(match[0]) is not None

    def _piece(self, match: re.Match[str]) -> str:
        return self._any(match, self._word)

    def _symbol(self, match: re.Match[str]) -> str:
        return self._any(match, lambda word: word if is_symbol(word) and word not in self._names else self._word(word))

    def _any(self, match: re.Match[str], word: Callable[[str], str]) -> str:
        if match["address"]:
            mapped = self._address(match["address"])
            return mapped if mapped is not None else re.sub(r"[^:/]+", lambda part: word(part[0]), match["address"])
        if match["quoted"]:
            return self._quoted(match["quoted"])
        return word(match["word"]) if match["word"] else match[0]

    def _word(self, word: str) -> str:
        if word.endswith(_REVERSE):
            octets = word.removesuffix(_REVERSE).split(".")
            mapped = self._address(".".join(reversed(octets)))
            if len(octets) == 4 and mapped is not None:
                return ".".join(reversed(mapped.split("."))) + _REVERSE
        return self.name(word)

    def _quoted(self, quoted: str) -> str:
        try:
            inner = msgspec.json.decode(quoted, type=str)
        except msgspec.MsgspecError:
            inner = quoted[1:-1]
        return f'"{self.text(inner)}"'

    def _address(self, text: str) -> str | None:
        bare, _, _ = text.partition("/")
        if ip_version(bare) is not None:
            return self._addresses.ip(text)
        return self._addresses.mac(text) if bare.count(":") == 5 and "." not in bare else None

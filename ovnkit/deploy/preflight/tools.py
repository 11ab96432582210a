"""Reading what the programs of a host print: ``ip``, ``nft``, ``iptables-save``, ``df``, ``dd``, ``openssl``. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ovnkit.deploy.preflight.facts import Certificate, Disk, Firewall, KeyFile, Link, Probe
from ovnkit.ovsdb.values import Map

__all__ = [
    "parse_certificate",
    "parse_disk",
    "parse_iptables",
    "parse_key_file",
    "parse_links",
    "parse_modes",
    "parse_mount_flags",
    "parse_nft",
    "parse_probes",
    "parse_release",
    "parse_schemas",
    "parse_sync",
]

_ATTRIBUTE: Final = re.compile(r"(?:\\.|[^,+\\])+")
"""A part of a distinguished name (RFC 2253), whose own commas are escaped."""
_PORTS: Final = re.compile(r"--dports? ([0-9,:]+)|\bdport (?:\{([0-9,\- ]+)\}|([0-9-]+))")
_CHAIN: Final = re.compile(r"\s*chain (\S+) \{")
_POLICY: Final = re.compile(r"hook input .*policy drop")
_REFUSAL: Final = re.compile(r"\s*(?:counter packets \d+ bytes \d+ )?(?:drop|reject\b.*)")
_RELEASE: Final = re.compile(r"ovn-controller (?:\(.*\) )?(\d+\.\d+\.\d+)")
_WRITTEN: Final = re.compile(r"(\d+)\+\d+ records out\n.* copied, ([0-9.e+-]+) s", re.DOTALL)
_TIMED_OUT: Final = 124


def parse_links(text: str) -> tuple[Link, ...]:
    """The interfaces that ``ip -j address`` lists. Raises ValueError for what is no such list."""
    listed = json.loads(text)
    if not isinstance(listed, list):
        raise ValueError("it is no list")  # noqa: TRY004 - it is about the text
    return tuple(_link(entry) for entry in listed if isinstance(entry, dict) and "ifname" in entry)


def _link(entry: dict[str, Any]) -> Link:
    """One without a carrier of its own, such as a bridge's, has no state; up it is all the same."""
    flags = entry.get("flags", [])
    try:
        return Link(
            name=str(entry["ifname"]),
            mtu=int(entry.get("mtu", 0)),
            up="UP" in flags and entry.get("operstate") != "DOWN",
            master=entry.get("master"),
            addresses=tuple(str(one["local"]) for one in entry.get("addr_info", []) if "local" in one),
        )
    except (TypeError, AttributeError) as exc:
        raise ValueError(f"it is no interface: {exc}") from exc


def parse_iptables(text: str) -> Firewall:
    """The rules for incoming packets that ``iptables-save`` prints."""
    closed = any(
        line.startswith((":INPUT DROP", ":INPUT REJECT")) or re.match(r"-A INPUT -j (DROP|REJECT)\b", line)
        for line in text.splitlines()
    )
    return Firewall(closed, tuple(_ports(text)))


def parse_nft(text: str) -> Firewall:
    """The same of ``nft list ruleset``: a chain of input whose policy is to drop, or that has a rule for all others."""
    chain, closed = "", False
    for line in text.splitlines():
        if found := _CHAIN.match(line):
            chain = found[1].lower()
        refuses = "input" in chain and _REFUSAL.fullmatch(line.rstrip())
        closed = closed or bool(_POLICY.search(line) or refuses)
    return Firewall(closed, tuple(_ports(text)))


def _ports(text: str) -> Iterator[tuple[int, int]]:
    for found in _PORTS.finditer(text):
        for item in (found[1] or found[2] or found[3]).split(","):
            first, _, last = item.strip().replace("-", ":").partition(":")
            if first.isdecimal() and (last.isdecimal() or not last):
                yield int(first), int(last or first)


def parse_disk(text: str) -> Disk:
    """The file system that ``df -PTk`` shows. Raises ValueError."""
    words = text.splitlines()[-1].split() if text.strip() else []
    if len(words) < 7:
        raise ValueError("it is no line of df")
    return Disk(" ".join(words[6:]), words[1], int(words[4]) * 1024)


def parse_sync(text: str) -> float:
    """How many milliseconds each of the blocks took that ``dd oflag=dsync`` says it has written. Raises ValueError."""
    found = _WRITTEN.search(text)
    if found is None or not int(found[1]):
        raise ValueError(f"dd says {text!r:.80}")
    return float(found[2]) * 1000 / int(found[1])


def parse_schemas(text: str) -> Mapping[str, str]:
    """The versions of lines ``DATABASE=VERSION``."""
    return Map({name: version.strip() for name, version in _assignments(text).items() if version.strip()})


def parse_certificate(text: str) -> Certificate:
    """What ``openssl x509 -subject -enddate -nameopt RFC2253`` prints. Raises ValueError."""
    import ssl

    lines = _assignments(text)
    if "notAfter" not in lines:
        raise ValueError("it does not say until when it holds")
    attributes = (part.strip().partition("=") for part in _ATTRIBUTE.findall(lines.get("subject", "")))
    name = next((value.strip() for kind, _, value in attributes if kind.strip() == "CN"), "")
    return Certificate(name, float(ssl.cert_time_to_seconds(lines["notAfter"].strip())))


def _assignments(text: str) -> dict[str, str]:
    """The lines ``NAME=VALUE``."""
    return {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}


def parse_mount_flags(text: str) -> str | None:
    """``MountFlags`` of a unit as systemctl(1) shows it, None where systemd has no such unit."""
    shown = _assignments(text)
    return shown.get("MountFlags", "").strip() if shown.get("LoadState") == "loaded" else None


def parse_modes(text: str) -> Mapping[str, int]:
    """The mode of each file, of the lines of ``stat -c '%a %n'``. Raises ValueError."""
    pairs = (line.partition(" ") for line in text.splitlines() if line)
    return Map({path: int(mode, 8) for mode, _, path in pairs})


def parse_key_file(text: str) -> KeyFile:
    """What ``stat -c '%a %U'`` prints. Raises ValueError."""
    mode, _, owner = text.strip().partition(" ")
    return KeyFile(int(mode, 8), owner)


def parse_release(text: str) -> str | None:
    """The release of OVN in what ``ovn-controller --version`` prints."""
    found = _RELEASE.search(text)
    return found[1] if found else None


def parse_probes(text: str) -> tuple[Probe, ...]:
    """Attempts to connect, of lines with HOST, PORT, the exit status of ``timeout`` and what was said, between tabs."""
    return tuple(sorted(_probes(text), key=lambda probe: (probe.host, probe.port)))


def _probes(text: str) -> Iterator[Probe]:
    for line in text.splitlines():
        host, port, status, said, *_ = [*line.split("\t"), "", "", ""]
        if port.isdecimal() and status.isdecimal():
            silent = int(status) == _TIMED_OUT
            why = "no answer" if silent else said.rpartition(": ")[2].strip() or f"status {status}"
            yield Probe(host, int(port), "connected" if int(status) == 0 else why, silent)

"""Reading what the kernel tells in ``/proc``, ``/sys`` and ``/lib/modules``. Pure; bad lines are passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from ovnkit.deploy.preflight.facts import AGENTS, PROGRAMS, Modules, Mount, Pidfile, Process, Socket, View
from ovnkit.ovsdb.values import Map

__all__ = [
    "parse_modules",
    "parse_modules_load",
    "parse_mountinfo",
    "parse_owners",
    "parse_pidfiles",
    "parse_processes",
    "parse_sockets",
    "parse_sysctls",
    "parse_view",
    "version_of",
]

_VERSION: Final = re.compile(r"(\d{1,9})\.(\d{1,9})")
_OCTAL: Final = re.compile(r"\\([0-3][0-7]{2})")
_MODULE_FILE: Final = re.compile(r"([^/\s:]+)\.ko(?:\.\w+)?(?=\s*(?::|$))")
_SOCKET: Final = re.compile(r"\s*\d+: [0-9A-Fa-f]+:([0-9A-Fa-f]{4}) [0-9A-Fa-f]+:[0-9A-Fa-f]{4} (0A|07) .*")
_OWNER: Final = re.compile(r"socket:\[(\d{1,18})\]\s+(\S.*)")
_INODE_COLUMN: Final = 9
_NETNS: Final = ("/run/netns", "/var/run/netns")
_SERVERS: Final = ("ovnnb_db", "ovnsb_db")
_MONITOR: Final = re.compile(r"[\w-]+: monitoring pid \d+ ")


def version_of(release: str) -> tuple[int, int] | None:
    """The first two numbers of a release, such as (6, 1) of ``6.1.0-18-amd64``; None where there are none."""
    found = _VERSION.match(release.strip())
    return None if found is None else (int(found[1]), int(found[2]))


def parse_modules(loaded: str | None, shown: str | None, built_in: str | None, loadable: str | None) -> Modules:
    """From ``/proc/modules``, the names in ``/sys/module``, ``modules.builtin`` and ``modules.dep``.

    None stands for a file that is not there or could not be read; the kernel may have no loadable modules at all.
    """
    present = {words[0] for line in (loaded or "").splitlines() if (words := line.split())}
    return Modules(
        present=frozenset(_spelt(name) for name in (*present, *(shown or "").split())),
        built_in=None if built_in is None else _files(built_in),
        loadable=None if loadable is None else _files(loadable),
    )


def _files(text: str) -> frozenset[str]:
    """The modules that begin the lines of ``modules.builtin`` or ``modules.dep`` (depmod(8))."""
    firsts = (_MODULE_FILE.search(line.partition(":")[0]) for line in text.splitlines())
    return frozenset(_spelt(found[1]) for found in firsts if found)


def _spelt(name: str) -> str:
    return name.replace("-", "_")


def parse_modules_load(text: str) -> frozenset[str]:
    """The modules that are loaded when the machine starts (modules-load.d(5))."""
    lines = (line.strip() for line in text.splitlines())
    return frozenset(_spelt(line.split()[0]) for line in lines if line and line[0] not in "#;")


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """The rows of ``/proc/PID/mountinfo`` (proc(5))."""
    return tuple(_mounts(text))


def _mounts(text: str) -> Iterator[Mount]:
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        words = before.split(" ")
        if dash and len(words) >= 6 and after:
            shared = any(word.startswith("shared:") for word in words[6:])
            yield Mount(_path(words[4]), _path(words[3]), after.split(" ")[0], shared)


def _path(text: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)


def parse_sockets(tcp: str, udp: str) -> tuple[Socket, ...]:
    """What ``/proc/net/tcp`` and ``tcp6`` show as listening, and ``udp`` and ``udp6`` as not connected."""
    found = [Socket("tcp", *at) for at in _listening(tcp, "0A")]
    return (*found, *(Socket("udp", *at) for at in _listening(udp, "07")))


def _listening(text: str, state: str) -> Iterator[tuple[int, int]]:
    for line in text.splitlines():
        found = _SOCKET.fullmatch(line)
        words = line.split()
        if found and found[2] == state and len(words) > _INODE_COLUMN and _is_number(words[_INODE_COLUMN]):
            yield int(found[1], 16), int(words[_INODE_COLUMN])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def parse_view(text: str) -> View:
    """Which of ``files`` and ``processes`` are the host's."""
    words = text.split()
    return View("files" in words, "processes" in words)


def parse_owners(text: str) -> Mapping[int, str]:
    """The program behind each socket, of lines ``socket:[INODE] PROGRAM``."""
    found = (_OWNER.fullmatch(line.rstrip()) for line in text.splitlines())
    return Map({int(one[1]): one[2] for one in found if one})


def parse_sysctls(text: str) -> Mapping[str, str]:
    """The settings of lines ``/proc/sys/net/ipv4/conf/all/rp_filter:2``, by their path below ``/proc/sys``."""
    pairs = (line.removeprefix("/proc/sys/").rpartition(":") for line in text.splitlines())
    return Map({path: value.strip() for path, _, value in pairs if path})


def parse_processes(text: str) -> tuple[Process, ...]:
    """The processes of ``PROGRAMS`` and ``AGENTS`` among those found.

    A line has, between tabs: the number, the user, ``own`` or ``same`` for its mounts, AppArmor's profile, the limit of
    open files, its row of mountinfo for ``/run/netns``, its sockets and its mounted files between blanks, and the words
    of its command. What only watches over one, and starts it again, is none of them.
    """
    return tuple(sorted(_processes(text), key=lambda process: process.pid))


def _processes(text: str) -> Iterator[Process]:
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) < 9 or not _is_number(fields[0]):
            continue
        number, user, mounts, profile, limit, row, sockets, pinned, *words = fields
        program = _program([word for word in words if word])
        if program is not None and not _MONITOR.match(words[0]):
            rows = [mount for mount in parse_mountinfo(row) if mount.point in _NETNS]
            yield Process(
                pid=int(number),
                program=program,
                user=user,
                profile="" if profile.strip() == "unconfined" else profile.strip(),
                apart=mounts == "own",
                netns=rows[-1] if rows else None,
                open_files=int(limit) if _is_number(limit) else None,
                remotes=tuple(_told(words, "remote")),
                key=next(_told(words, "private-key", "p"), ""),
                certificate=next(_told(words, "certificate", "c"), ""),
                sockets=tuple(sockets.split()),
                pinned=tuple(pinned.split()),
            )


def _told(words: list[str], option: str, letter: str = "") -> Iterator[str]:
    """What a command is told by an option."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith(f"--{option}="):
            yield word.removeprefix(f"--{option}=")
        elif letter and word == f"-{letter}":
            yield following


def _program(words: list[str]) -> str | None:
    """The first word of the command, or what an interpreter runs; a process may have written its name before it."""
    firsts = (*words[:1], *[word for word in words[1:] if not word.startswith("-")][:1])
    names = (PurePosixPath(word.split(" ")[0].rstrip(":")).name for word in firsts)
    return next((name for name in names if name in PROGRAMS or name in AGENTS), None)


def parse_pidfiles(text: str) -> tuple[Pidfile, ...]:
    """The pidfiles of a host, of lines with a path, a number and ``runs`` or ``gone``, between tabs."""
    return tuple(_pidfiles(text))


def _pidfiles(text: str) -> Iterator[Pidfile]:
    for line in text.splitlines():
        path, number, state, *_ = [*line.split("\t"), "", "", ""]
        stem = PurePosixPath(path).stem
        program = "ovsdb-server" if stem in _SERVERS else stem
        if _is_number(number):
            yield Pidfile(path, program if program in PROGRAMS else "", int(number), state == "runs")

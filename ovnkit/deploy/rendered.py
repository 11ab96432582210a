"""Files as they are to be on a host, and what has to change there for that."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Final

import attrs

from ovnkit.deploy.host import Host
from ovnkit.deploy.neutron.ini import Setting, SettingChange, merge
from ovnkit.deploy.secret import PRIVATE, Secret

__all__ = ["FileEdit", "FilesPlan", "IniFile", "Rendered", "TextFile", "below", "plan_files"]

_STAT: Final = ("stat", "-c", "%a %U:%G", "--")


@attrs.frozen(kw_only=True)
class IniFile:
    """A file of oslo.config in which some settings are ours; all else that is there stays.

    ``mode`` and ``owner`` (a user, or ``USER:GROUP``) are for a file that is not there yet; one that is keeps its own,
    unless a secret goes into it.
    """

    path: str
    settings: tuple[Setting, ...]
    mode: int = 0o644
    owner: str | None = None

    @property
    def private(self) -> bool:
        """Whether there is a secret in it."""
        return any(isinstance(setting.value, Secret) for setting in self.settings)

    @property
    def text(self) -> str:
        """Its text where there is no such file yet, secrets in clear."""
        return self.merged("")[0]

    def __str__(self) -> str:
        """Its text with secrets hidden."""
        hidden = [attrs.evolve(one, value=str(one.value)) for one in self.settings]
        return merge("", hidden, path=self.path)[0]

    def merged(self, there: str) -> tuple[str, tuple[SettingChange, ...]]:
        """The text that is to be where this one is, secrets in clear, and what has changed in it. Raises Conflict."""
        return merge(there, self.settings, path=self.path)


@attrs.frozen(kw_only=True)
class TextFile:
    """A file that is ours as a whole; ``content`` is a Secret where nobody else may read it."""

    path: str
    content: str | Secret
    mode: int = 0o644
    owner: str | None = None

    @property
    def private(self) -> bool:
        """Whether there is a secret in it."""
        return isinstance(self.content, Secret)

    @property
    def text(self) -> str:
        """Its text, secrets in clear."""
        return self.content.reveal() if isinstance(self.content, Secret) else self.content

    def __str__(self) -> str:
        return str(self.content)

    def merged(self, there: str) -> tuple[str, tuple[SettingChange, ...]]:
        """The text, whatever is there."""
        return self.text, ()


Rendered = IniFile | TextFile


@attrs.frozen(kw_only=True)
class FileEdit:
    """What is to be changed, or was, of one file: its settings, its text as a whole, its mode, its owner."""

    path: str
    made: bool = False
    replaced: bool = False
    settings: tuple[SettingChange, ...] = ()
    mode: tuple[int | None, int] | None = None
    owner: tuple[str | None, str] | None = None

    def __str__(self) -> str:
        lines = [f"{'+' if self.made else '~'} file {self.path}"]
        lines += [f"  {change}" for change in self.settings]
        if self.replaced:
            lines.append("  ~ its text")
        if self.mode is not None:
            before, after = self.mode
            lines.append(f"  + mode {after:04o}" if before is None else f"  ~ mode {before:04o} -> {after:04o}")
        if self.owner is not None:
            old, new = self.owner
            lines.append(f"  + owner {new}" if old is None else f"  ~ owner {old} -> {new}")
        return "\n".join(lines)


@attrs.frozen
class FilesPlan:
    """What has to change in the files of a host, or was changed. Truthy where anything does; prints without secrets."""

    host: Host = attrs.field(repr=False)
    files: tuple[Rendered, ...] = attrs.field(repr=False)
    edits: tuple[FileEdit, ...]

    def __bool__(self) -> bool:
        return bool(self.edits)

    def __str__(self) -> str:
        return "\n".join(map(str, self.edits)) or "no changes"

    def apply(self) -> FilesPlan:
        """Bring the files to what they are to be, computed afresh from what is there; returns what was changed.

        Each is replaced as a whole. Raises HostFailed, Conflict and InvalidValue, the latter two before anything is
        written.
        """
        pending = [(file, _edit(file, self.host)) for file in self.files]
        edits = []
        for file, (text, edit) in pending:
            if edit is not None:
                _write(file, text, edit, self.host)
                edits.append(edit)
        return FilesPlan(self.host, self.files, tuple(edits))


def plan_files(files: Iterable[Rendered], host: Host) -> FilesPlan:
    """Read the files of a host, and tell what has to change in them. Writes nothing.

    Raises HostFailed, and Conflict where one of them is not what its kind of file looks like.
    """
    files = tuple(files)
    edits = (_edit(file, host)[1] for file in files)
    return FilesPlan(host, files, tuple(edit for edit in edits if edit is not None))


def below(files: Iterable[Rendered], directory: str) -> tuple[Rendered, ...]:
    """The same files below a directory, owned by whoever writes them."""
    return tuple(
        attrs.evolve(file, path=posixpath.join(directory, file.path.lstrip("/")), owner=None) for file in files
    )


def _edit(file: Rendered, host: Host) -> tuple[str, FileEdit | None]:
    there = host.read(file.path)
    text, changes = file.merged(there or "")
    if there is None:
        owner = None if file.owner is None else (None, file.owner)
        mode = PRIVATE if file.private else file.mode
        return text, FileEdit(path=file.path, made=True, settings=changes, mode=(None, mode), owner=owner)
    mode_there, owner_there = host.run([*_STAT, file.path]).split()
    before = int(mode_there, 8)
    after = PRIVATE if file.private else before
    has_owner = file.owner is None or file.owner in (owner_there, owner_there.partition(":")[0])
    moves = file.private and not has_owner and file.owner is not None
    if text == there and before == after and not moves:
        return text, None
    return text, FileEdit(
        path=file.path,
        settings=changes,
        replaced=isinstance(file, TextFile) and text != there,
        mode=None if before == after else (before, after),
        owner=(owner_there, file.owner) if moves and file.owner is not None else None,
    )


def _write(file: Rendered, text: str, edit: FileEdit, host: Host) -> None:
    # A new file takes its place, which is root's until it is given to whose it was.
    kept = None if edit.made else host.run([*_STAT, file.path]).split()
    mode = edit.mode[1] if edit.mode is not None else int(kept[0], 8) if kept else file.mode
    host.write(file.path, text, mode=mode)
    owner = edit.owner[1] if edit.owner is not None else kept[1] if kept else None
    if owner is not None:
        host.run(["chown", "--", owner, file.path])

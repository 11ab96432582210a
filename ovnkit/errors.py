"""Everything that ovnkit raises.

OvnkitError
├── InvalidValue (ValueError)           a value that the schema or OVN does not allow; nothing was sent
├── InvalidRemote (ValueError)          a connection string that cannot be used
├── SpecError (ValueError)              a deployment spec that is wrong: file, key, value, what is allowed
├── NotFound (LookupError)              no row matches
├── NotUnique (LookupError)             several rows match where one was asked for
├── NotMonitored                        the table or column is not replicated by this client
├── NotOnServer                         the server's schema lacks the table or column
├── NotStored                           a row that did not come from a server has no uuid yet
├── NotADatabase (ValueError)           a file is no database, or not the one that was asked for
├── ReadOnly                            the client reads a file: there is nothing to write to or to wait for
├── ConnectionFailed (ConnectionError)  the server cannot be reached or does not speak OVSDB
│   ├── Closed                          the client was closed
│   ├── NotReached                      no database was found where they usually are; says where it was looked
│   └── ProtocolError                   the server said something that is not OVSDB
├── Timeout (TimeoutError)              the deadline passed while waiting; nothing was changed by that
│   └── QuorumLost                      no member of the cluster had a quorum all the while
├── TransactionFailed                   the server did not apply the transaction
│   ├── Conflict                        what was read has changed since, or what is there contradicts what is asked
│   ├── ConstraintViolation             a constraint or unique index of the schema
│   ├── ReferentialViolation            a strong reference to or from the row is in the way
│   ├── LockNotHeld                     an OVSDB lock that the transaction asserts is not ours
│   ├── PermissionDenied                the server's role-based access control said no
│   └── Unreferenced                    a new row that nothing refers to would vanish at once
├── OutcomeUnknown                      the reply was lost: the write may or may not have been applied
├── WatchOverflow                       a watch was read too slowly
├── UnsupportedOvs (ImportError)        the installed `ovs` is not one that ovnkit can stand on
├── MissingExtra (ImportError)          a package that only this needs is not installed; names the extra that has it
├── NeedsHost                           needs more of the host than its database; names the command to run
├── HostFailed                          a command on a host, or one of its files, failed; the host, the command and why
├── ServerFailed                        a private server process did not start or stopped
└── LabError                            the lab cannot do what was asked
    ├── MissingBinary                   a program is not installed; names the command that installs it
    └── MissingPrivilege                root, a capability, a device or a kernel feature is missing
"""

from __future__ import annotations

# Type checkers take it for true. Not of typing, which with all that it imports is most of what `import ovnkit` takes.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
    from uuid import UUID

__all__ = [
    "Closed",
    "Conflict",
    "ConnectionFailed",
    "ConstraintViolation",
    "HostFailed",
    "InvalidRemote",
    "InvalidValue",
    "LabError",
    "LockNotHeld",
    "MissingBinary",
    "MissingExtra",
    "MissingPrivilege",
    "NeedsHost",
    "NotADatabase",
    "NotFound",
    "NotMonitored",
    "NotOnServer",
    "NotReached",
    "NotStored",
    "NotUnique",
    "OutcomeUnknown",
    "OvnkitError",
    "PermissionDenied",
    "ProtocolError",
    "QuorumLost",
    "ReadOnly",
    "ReferentialViolation",
    "ServerFailed",
    "SpecError",
    "Timeout",
    "TransactionFailed",
    "Unreferenced",
    "UnsupportedOvs",
    "WatchOverflow",
]

_LONGEST_VALUE = 120


_SECRETS = ("secret", "passw", "token", "credential", "apikey", "privatekey")


def _is_secret(key: object) -> bool:
    """Whether the name of a key says that its value is not for everybody's eyes."""
    if not isinstance(key, str):
        return False
    words = key.lower().replace("-", "").replace("_", "")
    return any(secret in words for secret in _SECRETS)


def _shown(value: object) -> str:
    from collections.abc import Mapping

    if isinstance(value, Mapping):
        value = {key: "***" if _is_secret(key) else item for key, item in value.items()}
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text)} characters)"


class OvnkitError(Exception):
    """The base of all errors of ovnkit. Keyword arguments of a subclass are also its attributes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[OvnkitError], args: tuple[Any, ...], attributes: dict[str, Any]) -> OvnkitError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class InvalidValue(OvnkitError, ValueError):
    """A value was refused before anything was sent.

    Attributes: ``table`` and ``column`` (OVSDB's names), ``value``, ``allowed`` (what would be accepted, in words).
    """

    def __init__(self, *, table: str, column: str, value: object, allowed: str) -> None:
        super().__init__(f"{table}.{column}: {_shown(value)} is not allowed here; allowed: {allowed}")
        self.table = table
        self.column = column
        self.value = value
        self.allowed = allowed


class InvalidRemote(OvnkitError, ValueError):
    """A connection string cannot be used. Attributes: ``remote``, ``reason``."""

    def __init__(self, remote: str, reason: str) -> None:
        super().__init__(f"connection string {_shown(remote)}: {reason}")
        self.remote = remote
        self.reason = reason


class SpecError(OvnkitError, ValueError):
    """A deployment spec is wrong.

    Attributes: ``file`` (None when the spec was made in Python), ``key``, ``value``, ``allowed``.
    """

    def __init__(self, *, key: str, value: object, allowed: str, file: str | None = None) -> None:
        where = f"{file}: {key}" if file else key
        super().__init__(f"{where}: {_shown(value)} is not allowed here; allowed: {allowed}")
        self.file = file
        self.key = key
        self.value = value
        self.allowed = allowed


class NotFound(OvnkitError, LookupError):
    """No row matches.

    Attributes: ``table``, ``columns`` (the filter), ``near`` (what is like it), ``hint`` (what to do where nothing is).
    """

    def __init__(
        self,
        table: str,
        columns: dict[str, object],
        *,
        near: tuple[str, ...] = (),
        hint: str = "find() lists those that there are",
    ) -> None:
        next_step = f"did you mean {' or '.join(map(_shown, near))}?" if near else hint
        super().__init__(f"no row of {table} has {_filter(columns)}; {next_step}")
        self.table = table
        self.columns = columns
        self.near = near
        self.hint = hint


class NotUnique(OvnkitError, LookupError):
    """Several rows match where one was asked for. Attributes: ``table``, ``columns``, ``uuids`` of the matches."""

    def __init__(self, table: str, columns: dict[str, object], uuids: tuple[object, ...]) -> None:
        found = ", ".join(str(uuid) for uuid in uuids[:5])
        more = ", …" if len(uuids) > 5 else ""
        super().__init__(
            f"{len(uuids)} rows of {table} have {_filter(columns)}: {found}{more}; say more of it, or find() all"
        )
        self.table = table
        self.columns = columns
        self.uuids = uuids


def _filter(columns: dict[str, object]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in columns.items()) or "any content"


class NotMonitored(OvnkitError):
    """The client does not replicate this table or column. Attributes: ``table``, ``column`` (None: a whole table)."""

    def __init__(self, table: str, column: str | None = None) -> None:
        what = f"{table}.{column}" if column else f"table {table}"
        super().__init__(f"{what} is not monitored by this client; name it in connect(monitor=…)")
        self.table = table
        self.column = column


class NotOnServer(OvnkitError):
    """The server's schema lacks a table or column.

    Attributes: ``table``, ``column``, ``since`` (release), ``found`` (schema version).
    """

    def __init__(self, table: str, column: str | None = None, *, since: str | None = None, found: str = "") -> None:
        what = f"{table}.{column}" if column else f"table {table}"
        needed = f", which needs release {since}" if since else ""
        super().__init__(f"this server does not have {what}{needed}; its schema is version {found}")
        self.table = table
        self.column = column
        self.since = since
        self.found = found


class NotStored(OvnkitError):
    """The row was made in Python and has no uuid yet. Attribute: ``table``."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"this row of {table} was made here and is in no database yet; transaction.insert(row) gives its reference"
        )
        self.table = table


class NotADatabase(OvnkitError, ValueError):
    """A file is no database, or not the one that was asked for. Attributes: ``path``, ``reason``."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class ReadOnly(OvnkitError):
    """The client reads a file or a snapshot. Attributes: ``remote`` (what it reads), ``what`` cannot be done."""

    def __init__(self, remote: str, what: str) -> None:
        super().__init__(
            f"{what}: this client reads {remote}, where nothing is written and nothing changes; connect() to a server"
        )
        self.remote = remote
        self.what = what


class ConnectionFailed(OvnkitError, ConnectionError):
    """The server cannot be reached, or is not the right one. Attributes: ``remote``, ``reason``."""

    def __init__(self, remote: str, reason: str) -> None:
        super().__init__(f"{remote}: {reason}")
        self.remote = remote
        self.reason = reason


class Closed(ConnectionFailed):
    """The client was closed."""


class NotReached(ConnectionFailed):
    """A database is in none of the places where it usually is.

    Attributes: ``what``, ``tried`` (a line for each place, which are also the notes of the error).
    """

    def __init__(self, what: str, tried: tuple[str, ...]) -> None:
        ways = "connect(nb=…, sb=…), --nb and --sb, or OVN_NB_DB and OVN_SB_DB"
        if what == "Open_vSwitch":
            ways = "connect(vswitch=…), --vswitch, or OVS_RUNDIR"
        super().__init__(what, f"not reached; say where it is, with {ways}")
        self.what = what
        self.tried = tried
        for line in tried:
            self.add_note(line)


class ProtocolError(ConnectionFailed):
    """The server said something that is not OVSDB, or not what its schema says."""


class Timeout(OvnkitError, TimeoutError):
    """The deadline passed. Attributes: ``waited_for`` (in words), ``seconds``."""

    def __init__(self, waited_for: str, seconds: float) -> None:
        super().__init__(f"waited {round(seconds, 2):g} s for {waited_for}")
        self.waited_for = waited_for
        self.seconds = seconds


class QuorumLost(Timeout):
    """Nothing was sent before the deadline, because no member of the cluster that answered had a quorum."""


class TransactionFailed(OvnkitError):
    """The server did not apply a transaction; nothing of it is in the database.

    Attributes: ``error`` (OVSDB's word), ``details`` (the server's text), ``operation`` (the one that failed, or None);
    and, where the server says so or the operation tells: ``table``, ``columns``, and ``row``, the uuid of the row that
    is in the way or was to be written (else None, empty and None).
    """

    def __init__(
        self,
        error: str,
        details: str = "",
        operation: dict[str, Any] | None = None,
        *,
        table: str | None = None,
        columns: tuple[str, ...] = (),
        row: UUID | None = None,
    ) -> None:
        where = f" ({operation['op']} on {operation['table']})" if operation and "table" in operation else ""
        super().__init__(f"{error}{where}{': ' if details else ''}{details}")
        self.error = error
        self.details = details
        self.operation = operation
        self.table = operation.get("table") if table is None and operation is not None else table
        self.columns = columns
        self.row = row


class Conflict(TransactionFailed):
    """Another writer changed what was read, or what is there contradicts what was asked for."""


class ConstraintViolation(TransactionFailed):
    """A constraint of the schema, such as a unique index, refused the transaction."""


class ReferentialViolation(TransactionFailed):
    """A strong reference would point to a row that is not there."""


class LockNotHeld(TransactionFailed):
    """The transaction asserts an OVSDB lock that this client does not hold on this server."""


class PermissionDenied(TransactionFailed):
    """The role of this connection does not permit the write. It is not retried."""


class Unreferenced(TransactionFailed):
    """A new row of a non-root table has no referrer: the server would remove it at once. Refused before it was sent."""


class OutcomeUnknown(OvnkitError):
    """The reply to a transaction was lost: it may or may not have been applied.

    ``resolve(timeout=)`` asks the database and returns True (applied) or False (not applied), or raises this again.
    """

    def __init__(self, reason: str, resolve: Callable[[float], bool] | None = None) -> None:
        super().__init__(f"the outcome of the transaction is unknown: {reason}; resolve() looks it up")
        self.reason = reason
        self._resolve = resolve

    def __reduce__(self) -> tuple[Any, ...]:
        # The way back to the connection does not travel to another process.
        return _restore, (type(self), self.args, {"reason": self.reason, "_resolve": None})

    def resolve(self, timeout: float = 30.0) -> bool:
        """Whether the transaction was applied, found out from the database within ``timeout`` seconds."""
        if self._resolve is None:
            raise self
        return self._resolve(timeout)


class WatchOverflow(OvnkitError):
    """A watch was read too slowly and has lost events. Attribute: ``limit`` (events)."""

    def __init__(self, table: str, limit: int) -> None:
        super().__init__(
            f"the watch on {table} was not read for {limit} changes; open a new one to begin from what is there"
        )
        self.table = table
        self.limit = limit


class UnsupportedOvs(OvnkitError, ImportError):
    """The installed `ovs` lacks what ovnkit uses of it.

    Attributes: ``found`` (its release), ``missing`` (the members, in words), ``oldest`` (the first release that does).
    """

    def __init__(self, *, found: str, missing: tuple[str, ...], oldest: str) -> None:
        super().__init__(
            f"ovs {found} is not an ovs that this ovnkit can use, {oldest} or a later one that it knows; it lacks"
            f" {'; '.join(missing)}; upgrade ovnkit, or install another release of ovs"
        )
        self.found = found
        self.missing = missing
        self.oldest = oldest


class MissingExtra(OvnkitError, ImportError):
    """A package that ovnkit needs for this alone is not installed. Attributes: ``package``, ``extra`` (its extra)."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs {package}, which is not installed; install ovnkit[{extra}]")
        self.package = package
        self.extra = extra


class NeedsHost(OvnkitError):
    """Something needs the host itself, not only its database. Attributes: ``what``, ``command`` to run by hand."""

    def __init__(self, what: str, command: str) -> None:
        super().__init__(f"{what} needs access to the host; by hand: {command}")
        self.what = what
        self.command = command


class HostFailed(OvnkitError):
    """A command on a host failed, or one of its files could not be read or written.

    Attributes: ``host``, ``command``, ``status`` (the exit status, None where it did not run or did not end in time),
    ``output`` (the end of what it said).
    """

    def __init__(self, host: str, command: str, status: int | None, output: str) -> None:
        ended = "did not run" if status is None else f"ended with status {status}"
        said = " ".join(output.split())[-300:] or "it said nothing"
        super().__init__(f"on {host}: {command} {ended}: {said if said.isprintable() else repr(said)}")
        self.host = host
        self.command = command
        self.status = status
        self.output = output


class ServerFailed(OvnkitError):
    """A private server process did not start, or ended. Attributes: ``command``, ``reason``."""

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(f"{command}: {reason}")
        self.command = command
        self.reason = reason


class LabError(OvnkitError):
    """The lab cannot do what was asked."""


class MissingBinary(LabError):
    """Programs are not installed. Attributes: ``names``, ``install`` (the command that installs them here)."""

    def __init__(self, names: tuple[str, ...], install: str) -> None:
        super().__init__(f"not installed: {', '.join(names)}; install with: {install}")
        self.names = names
        self.install = install


class MissingPrivilege(LabError):
    """Root, a capability, a device or a kernel feature is missing. Attributes: ``what``, ``remedy``."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy

"""In which order a deployment of OVN is upgraded, and between which releases (OVN documentation, OVN Upgrades)."""

from __future__ import annotations

import re
from typing import Final, Literal

import attrs

from ovnkit.errors import InvalidValue

__all__ = ["UpgradeMethod", "UpgradePlace", "UpgradeStep", "upgrade_path", "upgrade_steps"]

UpgradeMethod = Literal["rolling", "fail-safe"]
"""With old and new programs side by side, or with the flows of all hosts frozen meanwhile."""

UpgradePlace = Literal["every chassis", "every central host", "one central host", "the CMS"]
"""Where a step is taken: on all hosts of a kind, one after another, or on one of them for all."""


@attrs.frozen(kw_only=True)
class UpgradeStep:
    """One step: what is done, where, and why here.

    ``commands`` are for the shell of a host with systemd and the default sockets. New packages are installed before
    them, by whatever installs packages there.
    """

    what: str
    where: UpgradePlace
    commands: tuple[str, ...] = ()
    why: str

    def __str__(self) -> str:
        return "\n".join((f"{self.where}: {self.what}", f"  {self.why}", *(f"  $ {line}" for line in self.commands)))


def upgrade_path(from_: str, to: str) -> tuple[str, ...]:
    """The releases to upgrade to, one after another, so that each upgrade can be a rolling one; none for the same.

    Releases are written ``24.03`` or ``24.03.2``. Supported are: a long-term release (22.03, and every second year's
    .03 from there) to the next one or to any before that, any other release to the next long-term one, and a release
    to a later one of its series. Raises InvalidValue for a downgrade, for what is no release of OVN, and where no such
    path leads there.
    """
    first, last = _span(from_, to)
    stops: list[str] = []
    current = first.series
    while not _is_supported(current, last.series):
        current = _next_lts(current)
        if current > last.series:
            allowed = f'{_text(current)}, to which alone {from_} can be upgraded while it runs, or method="fail-safe"'
            raise InvalidValue(table="upgrade", column="to", value=to, allowed=allowed)
        stops.append(_text(current))
    return () if from_ == to else (*stops, to)


def upgrade_steps(from_: str, to: str, *, method: UpgradeMethod = "rolling") -> tuple[UpgradeStep, ...]:
    """The steps of an upgrade from one release of OVN to another, in their order; none where they are the same.

    ``rolling``: first every ovn-controller, which understands the old databases as well as the new ones, then the
    databases and ovn-northd; ``ovn-match-northd-version`` has to be off. ``fail-safe``: between any two releases,
    central services first; that key is on, and no ovn-controller changes any flow until it is new as well.

    Raises InvalidValue for a downgrade, and for a rolling upgrade that is not supported: it names the releases to go
    by, which upgrade_path() gives as well.
    """
    if method == "fail-safe":
        _span(from_, to)
        return () if from_ == to else _fail_safe(from_)
    if method != "rolling":
        raise InvalidValue(table="upgrade", column="method", value=method, allowed="rolling or fail-safe")
    path = upgrade_path(from_, to)
    if len(path) > 1:
        allowed = f'{", then ".join(path)}, each a whole upgrade; or method="fail-safe"'
        raise InvalidValue(table="upgrade", column="to", value=to, allowed=allowed)
    return _rolling(from_) if path else ()


_FORM: Final = re.compile(r"([2-9][0-9])\.(03|06|09|12)(?:\.([0-9]{1,3}))?")
_FIRST_LTS: Final = (22, 3)
_LTS_EVERY: Final = 2

_PIN: Final = "ovs-vsctl --no-wait set Open_vSwitch . external_ids:ovn-match-northd-version=true"
_UNPIN: Final = "ovs-vsctl --no-wait remove Open_vSwitch . external_ids ovn-match-northd-version"
_SOCKETS: Final = "unix:${OVN_RUNDIR:-/var/run/ovn}"

_Series = tuple[int, int]


@attrs.frozen
class _Release:
    series: _Series
    point: int | None

    @classmethod
    def parse(cls, text: object, column: str) -> _Release:
        found = _FORM.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            allowed = "a release of OVN from 20.03 on, such as 24.03 or 24.03.2"
            raise InvalidValue(table="upgrade", column=column, value=text, allowed=allowed)
        return cls((int(found[1]), int(found[2])), None if found[3] is None else int(found[3]))

    def __lt__(self, other: _Release) -> bool:
        """Whether it is surely the older one; without a point release it may be any of its series."""
        if self.series != other.series or self.point is None or other.point is None:
            return self.series < other.series
        return self.point < other.point


def _span(from_: str, to: str) -> tuple[_Release, _Release]:
    """Both, checked; raises InvalidValue for a downgrade as well."""
    first, last = _Release.parse(from_, "from"), _Release.parse(to, "to")
    if last < first:
        allowed = f"{from_} or later; the way back is a backup of the databases that the old release has made"
        raise InvalidValue(table="upgrade", column="to", value=to, allowed=allowed)
    return first, last


def _is_lts(series: _Series) -> bool:
    year, month = series
    return series >= _FIRST_LTS and month == 3 and year % _LTS_EVERY == 0


def _next_lts(series: _Series) -> _Series:
    year = max(series[0], _FIRST_LTS[0])
    while (year, 3) <= series or not _is_lts((year, 3)):
        year += 1
    return year, 3


def _is_supported(series: _Series, other: _Series) -> bool:
    following = _next_lts(series)
    return other in {series, following} or (_is_lts(series) and other < following)


def _text(series: _Series) -> str:
    return f"{series[0]}.{series[1]:02}"


def _backup(release: str) -> UpgradeStep:
    return UpgradeStep(
        what="back up both databases",
        where="one central host",
        commands=tuple(
            f"ovsdb-client backup {_SOCKETS}/{name}_db.sock {database} > {name}-{release}.backup"
            for name, database in (("ovnnb", "OVN_Northbound"), ("ovnsb", "OVN_Southbound"))
        ),
        why="the new release converts them to its schema, and none converts them back (in a cluster: of the leader)",
    )


_CONTROLLERS: Final = (
    "upgrade Open vSwitch and OVN, and restart ovn-controller",
    ("systemctl restart ovn-controller",),
)
# Debian's ovn-northd.service leaves the databases alone, Fedora's has them with it.
_CENTRAL: Final = (
    "upgrade OVN, and restart the databases and ovn-northd",
    ("systemctl restart $(systemctl cat ovn-central >/dev/null 2>&1 && echo ovn-central || echo ovn-northd)",),
)
_CMS: Final = UpgradeStep(
    what="upgrade what writes to Northbound, where that is due",
    where="the CMS",
    why="the schema of Northbound stays compatible with older clients, so this can wait",
)


def _rolling(release: str) -> tuple[UpgradeStep, ...]:
    return (
        UpgradeStep(
            what="ovn-match-northd-version is off",
            where="every chassis",
            commands=(_UNPIN,),
            why="with it a new ovn-controller would change no flow until ovn-northd is new as well",
        ),
        UpgradeStep(
            what=_CONTROLLERS[0],
            where="every chassis",
            commands=_CONTROLLERS[1],
            why="it understands the databases of both releases; the old one does not understand the new ones",
        ),
        _backup(release),
        UpgradeStep(
            what=_CENTRAL[0],
            where="every central host",
            commands=_CENTRAL[1],
            why="all that read what the new ovn-northd writes understand it by now; the databases get their new schema",
        ),
        _CMS,
    )


def _fail_safe(release: str) -> tuple[UpgradeStep, ...]:
    return (
        UpgradeStep(
            what=f"upgrade to the last point release of {_text(_Release.parse(release, 'from').series)}",
            where="every chassis",
            why="its ovn-controller has all that was mended in what comes next; the central hosts follow, as ever",
        ),
        UpgradeStep(
            what="ovn-match-northd-version is on",
            where="every chassis",
            commands=(_PIN,),
            why="while its version is not ovn-northd's, ovn-controller leaves all flows as they are",
        ),
        _backup(release),
        UpgradeStep(
            what="stop ovn-northd, the databases go on",
            where="every central host",
            commands=("/usr/share/ovn/scripts/ovn-ctl stop_northd --ovn-manage-ovsdb=no",),
            why="one that runs would write its own version again",
        ),
        UpgradeStep(
            what="write a version that nobody has",
            where="one central host",
            commands=("ovn-sbctl set SB_Global . options:northd_internal_version=upgrading",),
            why="every ovn-controller stops before the first new row; older ones would look at the version too late",
        ),
        UpgradeStep(
            what=_CENTRAL[0],
            where="every central host",
            commands=_CENTRAL[1],
            why="no ovn-controller acts upon what the new ovn-northd writes; packets go by the flows that are there",
        ),
        UpgradeStep(
            what=_CONTROLLERS[0],
            where="every chassis",
            commands=_CONTROLLERS[1],
            why="with the version of ovn-northd it goes on; until then nothing new on this host has a network",
        ),
        UpgradeStep(
            what="ovn-match-northd-version is off",
            where="every chassis",
            commands=(_UNPIN,),
            why="else the next rolling upgrade, of a point release even, stops every ovn-controller",
        ),
        _CMS,
    )

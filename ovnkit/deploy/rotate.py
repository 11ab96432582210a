"""New certificates for a whole cluster while it is at work, and another authority behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from ovnkit.deploy import pki
from ovnkit.deploy.certificates import certificate_change, certify, install, source, subjects
from ovnkit.deploy.host import Host, open_host
from ovnkit.deploy.hosts import on_each
from ovnkit.deploy.layout import layout_of
from ovnkit.deploy.pki.store import AUTHORITY, NEXT_AUTHORITY
from ovnkit.deploy.sequence import SequenceReport, Step, StepResult, carry_out, foresee
from ovnkit.deploy.spec import Spec
from ovnkit.errors import Conflict, HostFailed, NeedsHost, OvnkitError
from ovnkit.remote import Tls

__all__ = ["rotate_certificates"]


def rotate_certificates(
    spec: Spec,
    *,
    authority: bool = False,
    timeout: float = 60.0,
    dry_run: bool = False,
    progress: Callable[[StepResult], object] | None = None,
) -> SequenceReport:
    """Give every chassis and every member a new key and certificate; with ``authority``, of a new authority.

    The daemons read their files again, so that none is restarted and no connection is cut. With another authority all
    hosts trust both for as long as certificates of both are about: it is prepared, trusted everywhere, signs, and the
    old one is trusted no more. Interrupted, it goes on when it is run again. Clients besides (``client-…``) get their
    new files in the directory of the spec alone. ``timeout`` (seconds) holds for each step.

    Raises Conflict for a spec without TLS, NeedsHost where it gives no access to a host that has certificates, and what
    ``pki`` raises for a directory that cannot be used.
    """
    directory = spec.central.tls
    if directory is None:
        raise Conflict("no certificates", "the spec names no directory with them: central.tls")
    places = _places(spec)
    if authority:
        steps = [
            Step(
                "the next authority is made", lambda: _trusted(directory) > 1, lambda: pki.prepare_authority(directory)
            ),
            _everywhere("every host trusts both authorities", places),
            Step("it is the one that signs", lambda: _is_switched(directory), lambda: pki.switch_authority(directory)),
            Step("it has signed all certificates", lambda: _is_signed(spec, directory), lambda: certify(spec)),
            _everywhere("every host has its new certificate", places),
            Step("the old one is retired", lambda: _trusted(directory) == 1, lambda: pki.retire_authority(directory)),
            _everywhere("every host trusts the new authority alone", places),
        ]
    else:
        made: list[pki.Identity] = []
        steps = [
            Step("new certificates are made", lambda: bool(made), lambda: made.extend(certify(spec, renew=True))),
            _everywhere("every host has its new certificate", places),
        ]
    title = "all certificates are replaced" + (", and their authority" if authority else "")
    return foresee(title, steps) if dry_run else carry_out(title, steps, timeout=timeout, progress=progress)


def _everywhere(what: str, places: Sequence[_Place]) -> Step:
    """That what is in the directory now is on every host; one that fails delays no other."""
    # Those of one host one after the other: they share what is trusted there.
    hosts: dict[str, list[_Place]] = {}
    for place in places:
        hosts.setdefault(place.host.name, []).append(place)

    def on_host(own: list[_Place]) -> None:
        for place in own:
            place.bring()

    def bring() -> None:
        outcomes = on_each(list(hosts.values()), on_host)
        failed = [one for one in outcomes if isinstance(one, OvnkitError)]
        if len(failed) == 1:
            raise failed[0]
        if failed:
            names = ", ".join(sorted({one.host for one in failed if isinstance(one, HostFailed)}))
            raise HostFailed(names, "bringing certificates", None, "; ".join(map(str, failed)))

    return Step(what, lambda: all(found is True for found in on_each(places, _Place.is_there)), bring)


@attrs.frozen
class _Place:
    """A certificate on a host."""

    host: Host
    name: str
    source: Tls

    def is_there(self) -> bool:
        """Whether it is as it is in the directory now."""
        return not certificate_change(self.host, layout_of(self.host).tls(self.name), self.source)

    def bring(self) -> None:
        """Bring it, where it is not there."""
        if self.is_there():
            return
        install(self.host, layout_of(self.host).tls(self.name), self.source)


def _places(spec: Spec) -> list[_Place]:
    wanted = [("central", member.host, spec.access_of(member)) for member in spec.central.members]
    wanted += [("chassis", host.name, host.access) for host in spec.hosts]
    return [_Place(_opened(access, host), name, source(spec, f"{name}-{host}")) for name, host, access in wanted]


def _opened(access: str | Sequence[str] | None, host: str) -> Host:
    if access is None:
        raise NeedsHost(f"bringing certificates to {host}", "access of the host in the spec")
    return open_host(access, host)


def _trusted(directory: str) -> int:
    return len(pki.show(Path(directory, "cacert.pem")))


def _is_switched(directory: str) -> bool:
    return not Path(directory, NEXT_AUTHORITY).is_symlink()


def _is_signed(spec: Spec, directory: str) -> bool:
    """Whether the authority has signed all certificates of the spec that are there."""
    (authority,) = pki.show(Path(directory, AUTHORITY, "cert.pem"))
    found = [source(spec, subject.name).cert for subject in subjects(spec)]
    return all(path.exists() and pki.show(path)[0].signed_by(authority) for path in found)

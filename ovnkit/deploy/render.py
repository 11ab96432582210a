"""The files of a host that say to the services around OVN what the spec says."""

from __future__ import annotations

from typing import Final

from ovnkit.deploy.neutron.releases import with_networking_ovn
from ovnkit.deploy.neutron.settings import metadata_settings, server_settings
from ovnkit.deploy.neutron.spec import NeutronSpec
from ovnkit.deploy.rendered import IniFile, Rendered
from ovnkit.deploy.secret import PRIVATE
from ovnkit.deploy.spec import Spec

__all__ = ["MAIN_FILE", "ML2_FILE", "metadata_file", "render"]

_DIRECTORY: Final = "/etc/neutron"
MAIN_FILE: Final = f"{_DIRECTORY}/neutron.conf"
ML2_FILE: Final = f"{_DIRECTORY}/plugins/ml2/ml2_conf.ini"


def render(spec: Spec, host: str) -> tuple[Rendered, ...]:
    """The files of one host, as its packages have them; none where the spec has no ``[neutron]``.

    ``neutron.conf`` and ``ml2_conf.ini`` where neutron-server runs, and the file of the metadata agent where that does.
    Pure: reads nothing and writes nothing. Raises KeyError for a host that the spec does not have.
    """
    spec.host(host)
    neutron = spec.neutron
    if neutron is None:
        return ()
    files: list[Rendered] = []
    if host in neutron.servers:
        settings = server_settings(
            neutron,
            northbound=spec.central.northbound,
            southbound=spec.central.southbound_admin,
            encap_ips=[one.encap_ip for one in spec.hosts],
        )
        files.append(IniFile(path=MAIN_FILE, settings=settings["neutron"], mode=0o640, owner=neutron.owner))
        files.append(IniFile(path=ML2_FILE, settings=settings["ml2"], mode=0o640, owner=neutron.owner))
    if neutron.runs_metadata(host) and neutron.metadata is not None:
        agent = metadata_settings(neutron, neutron.metadata, southbound=spec.central.southbound)
        path = f"{_DIRECTORY}/{metadata_file(neutron)}"
        files.append(IniFile(path=path, settings=agent, mode=PRIVATE, owner=neutron.owner))
    return tuple(files)


def metadata_file(neutron: NeutronSpec) -> str:
    """What the file of the metadata agent is called."""
    package = "networking" if with_networking_ovn(neutron.release) else "neutron"
    return f"{package}_ovn_metadata_agent.ini"

"""The management networks of labs that start at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each gives its network to this machine as a lab does, and says which.
_LAB = """
import subprocess, sys, time
from ovnkit.lab.addresses import free_management_network
with free_management_network() as network:
    time.sleep(0.05)
    for words in (f"link add {sys.argv[1]} type veth peer name peer-{sys.argv[1]}",
                  f"address add {network[1]}/24 dev {sys.argv[1]}", f"link set {sys.argv[1]} up"):
        subprocess.run(["ip", *words.split()], check=True)
print(network)
"""
_MACHINE = """
import subprocess, sys
labs = [subprocess.Popen([sys.executable, "-c", sys.argv[1], f"lab{number}"], stdout=subprocess.PIPE, text=True)
        for number in range(5)]
print(*(lab.communicate()[0].strip() for lab in labs))
"""


@pytest.mark.lab
def test_labs_that_start_at_once_choose_other_networks(lab_possible: None) -> None:
    if os.geteuid() != 0:
        pytest.skip("a network namespace of its own needs root")
    command = ["unshare", "--net", sys.executable, "-c", _MACHINE, _LAB]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert sorted(found.stdout.split()) == [f"198.18.{number}.0/24" for number in range(5)]

#!/bin/sh
# Sets up this machine (Debian or Ubuntu) and shows ovnkit at work on a real OVN cluster in network namespaces.
# Arguments go to the demo: --keep leaves it running.
set -eu
cd "$(dirname "$0")/.."
. examples/setup.sh

install_packages
# shellcheck disable=SC2119  # without an extra
make_environment
may_become_root || give_up "the demo makes network namespaces, which needs root, and there is no sudo; run this as root."
say "Running the demo: $venv/bin/ovnkit lab demo"
as_root env PYTHONDONTWRITEBYTECODE=1 $venv/bin/ovnkit lab demo "$@"

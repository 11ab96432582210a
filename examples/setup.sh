# Sets up a machine for ovnkit: sourced by examples/quickstart.sh and tests/run.sh, from the top of the checkout.
#
# Installs what is missing and skips what is there: distribution packages (Debian and Ubuntu), whose services are not
# started, and a virtual environment in .venv with ovnkit in it. pip takes its settings from the environment and from
# pip.conf, as always. PYTHON names the interpreter to use, where it is not to be python3.
# shellcheck shell=sh

venv=.venv
policy=/usr/sbin/policy-rc.d
policy_mark='laid down for a moment by the set-up of ovnkit'

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

say() {
    printf '==> %s\n' "$*"
}

give_up() {
    printf '\nCannot go on: %s\n' "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Runs a command as root: as it is, or through sudo, which may ask for a password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

may_become_root() {
    [ "$(id -u)" -eq 0 ] || have sudo
}

# Sets $python to an interpreter that is new enough, or to nothing.
find_python() {
    python=
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if have "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            return
        fi
    done
}

python_version() {
    "$1" -c 'import platform; print(platform.python_version())'
}

can_make_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# Sets $packages to the distribution packages whose programs are missing; $further_programs, PROGRAM=PACKAGE, as well.
find_missing_packages() {
    packages=
    while read -r program package; do
        have "$program" || packages="$packages $package"
    done <<'END'
ovs-vswitchd openvswitch-switch
ovn-northd ovn-central
ovn-controller ovn-host
ip iproute2
ethtool ethtool
ping iputils-ping
END
    for pair in ${further_programs:-}; do
        have "${pair%%=*}" || packages="$packages ${pair#*=}"
    done
    have udhcpc || busybox --list 2>/dev/null | grep -qx udhcpc || packages="$packages udhcpc"
    find_python
    if [ -z "$python" ]; then
        if [ -n "${PYTHON:-}" ]; then
            give_up "PYTHON is set to '$PYTHON', which is not there or older than Python 3.11; set it to one that is not."
        elif have python3; then
            give_up "ovnkit needs Python 3.11 or newer, and this machine's python3 is $(python_version python3); install" \
                "a newer one with its venv module (Ubuntu 22.04: apt-get install python3.11 python3.11-venv) and run" \
                "this again."
        fi
        packages="$packages python3 python3-venv"
    elif [ ! -x $venv/bin/python ] && ! can_make_environments "$python"; then
        case $python in
            python3) packages="$packages python3-venv" ;;
            *) packages="$packages ${python##*/}-venv" ;;
        esac
    fi
    packages=${packages# }
}

restore_policy() {
    if as_root grep -qs "$policy_mark" $policy; then
        as_root rm -f $policy
    fi
    if [ -e $policy.before-ovnkit ]; then
        as_root mv $policy.before-ovnkit $policy
    fi
}

# While packages are installed, no service is started, stopped or restarted (invoke-rc.d(8), policy-rc.d). One that is
# there stays in force if it says the same, and comes back afterwards if not.
deny_services() {
    restore_policy
    if [ -x $policy ]; then
        answer=0
        as_root $policy ovn-central start >/dev/null 2>&1 || answer=$?
        [ "$answer" -ne 101 ] || return 0
    fi
    trap 'restore_policy' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [ -e $policy ]; then
        as_root mv $policy $policy.before-ovnkit
    fi
    printf '#!/bin/sh\n# %s\nexit 101\n' "$policy_mark" | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
}

allow_services() {
    restore_policy
    trap - EXIT HUP INT TERM
}

install_packages() {
    find_missing_packages
    if [ -z "$packages" ]; then
        say "Distribution packages: all there"
        return
    fi
    by_hand="install these yourself and run this again: $packages"
    if ! have apt-get; then
        give_up "this script installs packages on Debian and Ubuntu only; $by_hand (names as in Debian; in Fedora:" \
            "dnf install openvswitch ovn-central ovn-host iproute ethtool iputils busybox python3)."
    fi
    if ! may_become_root; then
        give_up "installing packages needs root, and there is no sudo; run this as root, or let somebody who is root" \
            "install them and run this again: $packages"
    fi
    say "Installing distribution packages, without starting their services: $packages"
    deny_services
    # One stale source is no reason to stop: whether the packages can be had, the next command finds out.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
        say "apt-get update failed; trying with the package lists that are there"
    # shellcheck disable=SC2086  # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages ||
        give_up "apt-get could not install the packages (see above); check that this machine reaches its package" \
            "mirror (on Ubuntu, with the universe component), or $by_hand"
    allow_services
    find_missing_packages
    [ -z "$packages" ] || give_up "the packages are installed, and yet these seem to be missing; $by_hand"
}

# What the environment was made from: as long as that is the same, there is nothing to install.
environment_key() {
    printf '%s ' "$PWD" "$($venv/bin/python -c 'import sys; print(sys.version)')"
    cat setup.cfg pyproject.toml | cksum
}

# make_environment [EXTRA]: ovnkit and its dependencies in .venv, and those of the extra.
make_environment() {
    for mark in "$venv/ovnkit-${1:-base}" "$venv/ovnkit-test"; do
        if [ -e "$mark" ] && [ "$(cat "$mark")" = "$(environment_key 2>/dev/null)" ]; then
            say "Python environment $venv: all there"
            return
        fi
    done
    if ! $venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        ! $venv/bin/python -m pip --version >/dev/null 2>&1 || ! grep -qsF "$PWD/$venv" $venv/bin/activate; then
        say "Making the Python environment $venv with Python $(python_version "$python")"
        "$python" -m venv --clear $venv ||
            give_up "$python could not make a virtual environment; make one in $venv yourself and run this again."
    fi
    say "Installing into $venv with pip: ovnkit${1:+[$1]} and what it needs"
    $venv/bin/python -m pip install --quiet --editable ".${1:+[$1]}" ||
        give_up "pip could not install ovnkit's dependencies (see above); check that this machine reaches a Python" \
            "package index (pip config, PIP_INDEX_URL), or run: $venv/bin/python -m pip install -e '.${1:+[$1]}'"
    $venv/bin/python -m pip list --format=freeze | tr '\n' ' '
    echo
    environment_key >"$venv/ovnkit-${1:-base}"
}

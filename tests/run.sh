#!/bin/sh
# Sets up this machine (Debian or Ubuntu) and runs every check and every test that is not marked `long`.
# Arguments go to pytest: -m long runs the long tests, -k NAME some of them.
set -eu
cd "$(dirname "$0")/.."
. examples/setup.sh

further_programs='ssh=openssh-client sshd=openssh-server'
# Chromium brings its fonts. Ubuntu has no package of it: there, any Chromium or Chrome that is installed will do.
grep -qs '^ID=ubuntu' /etc/os-release || further_programs="$further_programs chromium=chromium"
install_packages
make_environment test
may_become_root || give_up "the tests make network namespaces, which needs root, and there is no sudo; run this as root."

bin=$PWD/$venv/bin
PATH=$bin:$PATH

say "ruff"
ruff check .
say "mypy --strict"
mypy
say "pyright"
pyright --project pyproject.toml --pythonpath "$bin/python"
say "Generated rows are fresh"
python -m ovnkit.codegen --check
# As root through sudo, leave nothing behind that its user could not delete.
run_pytest() {
    as_root env PATH="$PATH" PYTHONDONTWRITEBYTECODE=1 ${CI:+CI="$CI"} python -m pytest -p no:cacheprovider "$@"
}

if [ $# -gt 0 ]; then
    say "pytest"
    run_pytest -m "not long" "$@"
else
    say "pytest: without labs, in parallel"
    # Two for each processor: much of the time they wait for servers to start, or for a deadline to pass.
    run_pytest -n "$(($(nproc) * 2))" -m "not long and not lab and not alone"
    say "pytest: labs, one for each processor"
    run_pytest -n "$(nproc)" --dist loadfile -m "not long and lab and not alone"
    say "pytest: what is measured, one at a time"
    run_pytest -m "not long and alone"
fi

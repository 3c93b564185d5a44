#!/usr/bin/env bash
# Makes .venv in the tree with everything pinned, and checks the library that rendering needs.
# `make setup` calls it; running it again does only what is missing. PYTHON chooses the interpreter.
# `setup.sh robosuite` (make robosuite) adds the scenes of robosuite.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3}
venv=.venv

fail() {
    echo "claifo: error: $*" >&2
    exit 2
}

# Install Debian packages when that needs no password; otherwise say the exact command.
system_packages() {
    local reason=$1
    shift
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
        fail "$reason; run: sudo apt-get install -y $*   and then the same command again"
    fi
    echo "claifo: $reason: installing $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq "$@" > /dev/null 2>&1 && return
    # A fresh machine has no package lists yet.
    apt-get update -qq > /dev/null 2>&1 || true
    apt-get install -y -qq "$@" > /dev/null
}

check_python() {
    command -v "$python" > /dev/null || fail "no $python found; Python 3.10 to 3.12 is needed"
    local version
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    case $version in
        3.10 | 3.11 | 3.12) ;;
        *) fail "$python is Python $version; 3.10 to 3.12 is needed: make setup PYTHON=python3.12" ;;
    esac
    "$python" -c 'import ensurepip, venv' 2> /dev/null ||
        system_packages "Python $version cannot make virtual environments" "python$version-venv"
}

make_venv() {
    "$venv/bin/python" -m pip --version > /dev/null 2>&1 && return
    check_python
    echo "claifo: making $venv"
    "$python" -m venv --clear "$venv"
    touch "$venv/COLCON_IGNORE"
}

install_packages() {
    local stamp=$venv/claifo-installed
    [ -e "$stamp" ] && cat constraints.txt pyproject.toml setup.py | cmp -s - "$stamp" && return
    local pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
    echo 'claifo: installing PyTorch (the largest download; a few minutes)'
    "${pip[@]}" -c constraints.txt setuptools 'torch==2.13.0'
    echo 'claifo: installing everything else'
    "${pip[@]}" -c constraints.txt --no-build-isolation -e '.[dev,cluster]'
    cat constraints.txt pyproject.toml setup.py > "$stamp"
}

# Its own list of dependencies is left aside: pyproject.toml has those that it needs.
install_robosuite() {
    local stamp=$venv/robosuite-installed
    [ -e "$stamp" ] && cat constraints.txt pyproject.toml | cmp -s - "$stamp" && return
    local pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
    echo 'claifo: installing robosuite'
    "${pip[@]}" -c constraints.txt --no-build-isolation -e '.[robosuite]'
    "${pip[@]}" -c constraints.txt --no-deps robosuite
    cat constraints.txt pyproject.toml > "$stamp"
}

# Each attempt is a process of its own: a failed OpenGL start cannot be undone in one.
can_render() {
    "$venv/bin/python" -c \
        'from claifo_sim.rendering import milliseconds_per_frame as f; f(32)' > /dev/null 2>&1
}

check_rendering() {
    local stamp=$venv/claifo-renders
    [ -e "$stamp" ] && return
    local reason='rendering needs an OpenGL library'
    can_render || system_packages "$reason" libosmesa6 || true
    can_render || system_packages "$reason" libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri || true
    can_render || fail 'no frame could be rendered; claifo doctor says more'
    touch "$stamp"
}

make_venv
install_packages
[ "${1:-}" = robosuite ] && install_robosuite
check_rendering

#!/bin/sh
# See to it that a virtual environment holds the locked packages, checked by hash. It is made anew where its interpreter
# has gone or been replaced, and where a lock has changed, so that nothing stays that has left the lock.
#
#   tools/venv.sh FOLDER LOCK...
#
# PYTHON names the interpreter to make it with; unset, the first suitable one of the names below on the PATH is taken.
set -eu

folder=$1
shift
installed=$folder/.locks # copies of the locks whose packages are in

suitable() { # answers by running it: a name on the PATH may be a stub that starts nothing
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        if suitable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Vultus needs Python 3.11 or newer, and none was found (tried: ${PYTHON:-python3.13 python3.12 python3.11 python3 python})." >&2
    echo "Install one, or name it: make serve PYTHON=/path/to/python3" >&2
    return 1
}

# Debian and its relatives ship Python without the part that makes virtual environments.
need_ensurepip() {
    if "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        return
    fi
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    sh "$(dirname "$0")/system_packages.sh" "$package" || true
    "$1" -c 'import ensurepip, venv' || {
        echo "$1 cannot make virtual environments: install its venv module ($package on Debian and Ubuntu)." >&2
        return 1
    }
}

whole() {
    "$folder/bin/python" -c 'import pip' >/dev/null 2>&1 || return
    for lock; do
        [ ! -e "$installed/${lock##*/}" ] || cmp -s "$lock" "$installed/${lock##*/}" || return
    done
}

if ! whole "$@"; then
    python=$(find_python)
    need_ensurepip "$python"
    echo "Making $folder with $("$python" --version) ($python)"
    rm -rf "$folder"
    "$python" -m venv "$folder"
fi
mkdir -p "$installed"
for lock; do
    [ ! -e "$installed/${lock##*/}" ] || continue
    echo "Installing the packages of $lock"
    "$folder/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps --require-hashes --requirement "$lock"
    cp "$lock" "$installed"
done

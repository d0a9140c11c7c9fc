#!/bin/sh
# Install system packages where this user may, as root or by a sudo that asks for no password; say what to do where not.
#
#   tools/system_packages.sh PACKAGE...
set -eu

as_root=
[ "$(id -u)" = 0 ] || as_root='sudo -n'
if command -v apt-get >/dev/null 2>&1 && { [ -z "$as_root" ] || $as_root true 2>/dev/null; }; then
    echo "Installing system packages: $*"
    $as_root apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" </dev/null && exit 0
fi
echo "Could not install these system packages: $*" >&2
echo "Install them with your package manager (on Debian and Ubuntu: sudo apt-get install $*), then run make again." >&2
exit 1

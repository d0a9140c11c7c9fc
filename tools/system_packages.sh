#!/bin/sh
# Install system packages where this user may; say what to do where not.
#
#   tools/system_packages.sh PACKAGE...
set -eu

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing system packages: $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@" </dev/null && exit 0
fi
echo "Could not install these system packages: $*" >&2
echo "Install them with your package manager (on Debian and Ubuntu: sudo apt-get install $*), then run make again." >&2
exit 1

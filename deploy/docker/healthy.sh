#!/bin/sh
# Whether this container's server can work. The settings say where it listens, for a product's own variable may.
set -eu
url=$(python3 -c 'from vultus.settings import load_settings; s = load_settings()
print("https" if s.tls_cert else "http", s.port, sep="://127.0.0.1:", end="/ready")')
# Its certificate is for another name than this.
exec curl --insecure --fail --silent --show-error --max-time 5 --output /dev/null "$url"

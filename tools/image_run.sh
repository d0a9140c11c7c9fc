#!/bin/sh
# Run an unpacked image as an engine would with `--read-only --cap-drop ALL --network none`, and look at it from inside.
# For image_proof.sh, in namespaces of its own for mounts, processes and the network.
#
#   image_run.sh ROOT ENVIRONMENT USER:GROUP
set -eu

root=$1 environment=$2 user=$3

mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/urandom" c 1 9
mount -o remount,bind,ro "$root"
ip link set lo up

# With the image's environment, as its user, and no way up; a prefix, so that what is started in the background is it.
inside="env -i $(tr '\n' ' ' <"$environment") chroot $root setpriv --reuid ${user%:*} --regid ${user#*:} --clear-groups"
inside="$inside --no-new-privs --bounding-set=-all --inh-caps=-all --"

fail() {
    echo "image-proof: $*" >&2
    exit 1
}

started=$(date +%s%N)
$inside vultus serve >"$environment.log" 2>&1 &
server=$!
port=$($inside python3 -c 'from vultus.settings import load_settings; print(load_settings().port)')
$inside curl --silent --fail --max-time 2 --retry 60 --retry-delay 1 --retry-all-errors --output /dev/null \
    "http://127.0.0.1:$port/ready" || {
    cat "$environment.log" >&2
    fail "not ready"
}
echo "ready: $((($(date +%s%N) - started) / 1000000)) ms after the start, on port $port"
$inside healthy || fail "the health check fails"

echo "user and group: $(awk '/^[UG]id/ { printf "%s ", $2 }' "$root/proc/$server/status")"
echo "capabilities: $(awk '/^Cap(Eff|Bnd)/ { printf "%s ", $2 }' "$root/proc/$server/status")"
[ "$(awk '/^Uid/ { print $2 }' "$root/proc/$server/status")" = "${user%:*}" ] || fail "another user"
if (: >"$root/written") 2>/dev/null; then fail "the root can be written"; fi
echo "root file system: read-only"
if $inside curl --silent --max-time 3 --output /dev/null http://192.0.2.1/; then fail "there is a network"; fi
echo "network: loopback alone"

picture=$($inside sh -c 'echo /opt/vultus/lib/python3*/site-packages/vultus/bench/portrait.jpg')
answer=$($inside curl --silent --show-error --fail --form "file=@$picture" "http://127.0.0.1:$port/v1/faces?embeddings=none")
echo "POST /v1/faces: $(echo "$answer" | grep -o '"score":[0-9.]*' | tr '\n' ' ')"
echo "$answer" | grep -q '"score"' || fail "no face was found: $answer"
echo "memory, peak: $(awk '/^VmHWM/ { print int($2 / 1024) }' "$root/proc/$server/status") MiB"
kill -TERM "$server"
wait || true
tail -n 3 "$environment.log"
echo "image-proof: passed"

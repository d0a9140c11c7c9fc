#!/bin/sh
# Build deploy/docker/Dockerfile for real and ask what it made for faces, on a machine without a container engine.
#
#   tools/image_proof.sh [ARGUMENT-OF-BUILDAH-BUD]...
#
# buildah builds without an engine; Debian's own debootstrap makes what stands for the base image. The server is then
# run as the image's user, without capabilities, on a read-only root, in a network of its own that reaches nothing: see
# image_run.sh. Needs root, on Debian or Ubuntu.
#
# It works in a new folder below TMPDIR, which it removes. WEIGHTS is a folder of network files: without it they are fetched.
# DOCKERFILE=Dockerfile.gpu builds that one on the same stand-in, for its steps; SETTINGS are for the server that is run.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
dockerfile=$here/deploy/docker/${DOCKERFILE:-Dockerfile}
base=$(sed -n 's/^ARG BASE=//p' "$dockerfile")
suite=bookworm

engine() {
    buildah --root "$work/storage" --runroot "$work/run" --storage-driver overlay "$@"
}

clean() { # what is below another file system stays: a mount that is left over is never walked into
    rm -rf --one-file-system "$work"
}

need_tools() {
    missing=
    for tool in buildah debootstrap unshare; do
        command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
    done
    [ -z "$missing" ] || sh "$here/tools/system_packages.sh" $(echo "$missing" | sed s/unshare/util-linux/)
}

make_base() { # the image's own base is Debian's minimal system, as this is
    echo "::: debootstrap $suite, as $base"
    debootstrap --variant=minbase "$suite" "$work/rootfs" >"$work/debootstrap.log" 2>&1 || {
        tail "$work/debootstrap.log" >&2
        return 1
    }
    container=$(engine from scratch)
    cp -a "$work/rootfs/." "$(engine mount "$container")/"
    engine commit --quiet --rm "$container" "$base" >/dev/null
    rm -rf "$work/rootfs"
}

fetch_wheels() { # outside, where pip is set up for this machine's index
    echo "::: wheels of the locks"
    default=$(sed -n 's/^ARG LOCK=//p' "$dockerfile")
    for lock in $(sed "s/[$]{LOCK}/$default/" "$dockerfile" | grep -o 'requirements/[a-z]*\.lock'); do
        "$python" -m pip download -qq --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
            --python-version 3.11 --dest "$work/wheels" --requirement "$here/$lock"
    done
}

build() {
    echo "::: buildah bud $*"
    start=$(date +%s)
    mkdir -p "$work/weights"
    offline=false
    weights=$work/weights
    [ -z "${WEIGHTS:-}" ] || { offline=true weights=$WEIGHTS; }
    engine bud --isolation chroot --pull-never --format docker --file "$dockerfile" --tag vultus \
        --build-context "wheels=$work/wheels" --build-context "weights=$weights" \
        --build-arg PIP_NO_INDEX=1 --build-arg "OFFLINE=$offline" "$@" "$here" >"$work/build.log" 2>&1 || {
        tail -n 40 "$work/build.log" >&2
        return 1
    }
    echo "built in $(($(date +%s) - start)) s"
}

config() {
    engine inspect --type image --format "$1" vultus
}

show_and_run() {
    container=$(engine from --pull-never vultus)
    root=$(engine mount "$container")
    echo "size: $(du -sm "$root" | cut -f1) MB, of which base $(engine images --format '{{.Size}}' "$base")"
    echo "      $(du -sm "$root/opt/vultus" | cut -f1) MB packages, $(du -sm "$root/opt/networks" | cut -f1) MB networks:" \
        "$(ls "$root/opt/networks" | tr '\n' ' ')"
    config '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' >"$work/environment"
    printf '%s\n' ${SETTINGS:-} >>"$work/environment"
    unshare --mount --net --pid --fork --kill-child sh "$here/tools/image_run.sh" \
        "$root" "$work/environment" "$(config '{{.OCIv1.Config.User}}')"
}

prove() {
    make_base
    fetch_wheels
    build "$@"
    show_and_run
}

if [ -n "${IMAGE_PROOF_FOLDER:-}" ]; then # in namespaces of its own: see below
    work=$IMAGE_PROOF_FOLDER
    prove "$@"
    exit
fi
[ "$(id -u)" = 0 ] || {
    echo "image-proof makes a root file system and mounts it: it needs root." >&2
    exit 1
}
need_tools
work=$(mktemp -d "${TMPDIR:-/tmp}/vultus-image-proof.XXXXXX")
trap clean EXIT
# What debootstrap and buildah mount and start is seen in these namespaces alone, and ends with them, however they end.
IMAGE_PROOF_FOLDER=$work unshare --mount --pid --fork --kill-child --mount-proc sh "$0" "$@" &
proof=$!
trap 'kill -KILL "$proof"' INT TERM # unshare waits out any other signal; what it started ends with it
status=0
wait "$proof" || status=$?
trap '' INT TERM
wait "$proof" 2>/dev/null || true # a signal ends the first wait before it ends what is waited for
exit "$status"

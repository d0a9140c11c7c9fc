#!/bin/sh
# Check everything in deploy/ and .github/ with the tools of its kind; `make lint-deploy` sets them up.
#
#   tools/lint_deploy.sh FOLDER     the virtual environment of requirements/deploy.lock
set -eu

cd "$(dirname "$0")/.."
bin=$1/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chart=deploy/helm/vultus
PATH=$PATH:$bin # for machines that the lock has no helm or hadolint for, those of the system

has() { # what is not there is passed over, and said; where everything has to be checked (CI=true) that is an error
    command -v "$1" >/dev/null 2>&1 || {
        echo "lint-deploy: $1 is not here, what it checks is not checked" >&2
        [ "${CI:-}" != true ] || exit 1
        return 1
    }
}

! has hadolint || hadolint --config deploy/docker/hadolint.yaml deploy/docker/Dockerfile deploy/docker/Dockerfile.gpu
"$bin/yamllint" --strict --config-file deploy/yamllint.yaml deploy .github
"$bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose/*.yml
"$bin/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml
"$bin/check-jsonschema" --builtin-schema vendor.dependabot .github/dependabot.yml
"$bin/zizmor" --offline --quiet --no-progress --persona auditor .github

# What KubeRay makes of them; of RayServices themselves no schema here knows.
"$bin/python" tools/ray_pods.py deploy/ray/rayservice.yaml >"$work/pods.yaml"
for version in 1.28 1.37; do # an old one that is still run, and the newest whose schemas are here
    "$bin/kubernetes-validate" --quiet --strict --kubernetes-version "$version" "$work/pods.yaml"
done

if has helm; then
    for values in $chart/values.yaml deploy/helm/all-on.yaml; do
        helm lint --strict --quiet "$chart" --values "$values"
        # The one resource that is not Kubernetes' own is left out: no schema here knows it.
        helm template lint "$chart" --values "$values" --set serviceMonitor.enabled=false >"$work/all.yaml"
        for version in 1.28 1.37; do
            "$bin/kubernetes-validate" --quiet --strict --kubernetes-version "$version" "$work/all.yaml"
        done
    done
fi

! command -v haproxy >/dev/null || haproxy -c -q -f deploy/compose/haproxy.cfg
! command -v promtool >/dev/null || promtool check rules deploy/compose/observability/alerts.yml
echo "deploy/: no complaints"

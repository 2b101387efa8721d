#!/bin/sh
# Installs what Millrace needs from Debian 12, if it is not there yet (a few milliseconds then).
# usage: cmake/install_dependencies.sh [build|tidy|fuzz|api|e2e]...    default: build
#   build  to compile everything and run the tests
#   tidy   clang-format, for the rules of the house
#   fuzz   clang, for the libFuzzer targets
#   api    what a Kubernetes API server alone needs, and its tests
#   e2e    what e2e/cluster starts and builds images with
set -eu

build="
  ca-certificates
  ccache
  cmake
  g++
  libaio-dev
  libboost1.81-dev
  libcpp-httplib-dev
  libgmock-dev
  libgtest-dev
  libhowardhinnant-date-dev
  libisal-dev
  libjq-dev
  libnghttp2-dev
  libre2-dev
  libsnappy-dev
  libspdlog-dev
  libssl-dev
  libyaml-cpp-dev
  libzstd-dev
  mold
  ninja-build
  nlohmann-json3-dev
  pkg-config
  prometheus-cpp-dev
  python3
  strace
  tzdata
  zlib1g-dev
"
tidy="
  clang-format-19
"
fuzz="
  clang-19
  libclang-rt-19-dev
"
api="
  etcd-server
  openssl
  python3-venv
  python3-yaml
"
e2e="
  buildah
  conntrack
  containerd
  containernetworking-plugins
  debootstrap
  etcd-server
  ethtool
  gcc
  iproute2
  iptables
  libc6-dev
  openssl
  python3-yaml
  runc
  skopeo
  xfsprogs
"

wanted=""
for group in "${@:-build}"; do
  case "$group" in
    build) wanted="$wanted $build" ;;
    tidy) wanted="$wanted $tidy" ;;
    fuzz) wanted="$wanted $fuzz" ;;
    api) wanted="$wanted $api" ;;
    e2e) wanted="$wanted $e2e" ;;
    *) echo "install_dependencies.sh: there is no group '$group'; there are build, tidy, fuzz, api and e2e" >&2; exit 2 ;;
  esac
done

missing=""
# shellcheck disable=SC2086 # one word a package
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true)
for package in $wanted; do
  printf '%s\n' "$installed" | grep -qx "installed $package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "Packages are missing and only root can install them. Run this once as root:" >&2
  echo "  apt-get update && apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
options="-qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600"
# A list that cannot be had (some third party's) must not stop us; a package that cannot be does.
# shellcheck disable=SC2086
apt-get $options update || echo "apt-get update failed; going on with the lists there are" >&2
# shellcheck disable=SC2086
apt-get $options install -y --no-install-recommends $missing >/dev/null

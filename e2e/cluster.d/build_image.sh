#!/usr/bin/env bash
# Builds our image from build/bin (or, with --from-source, from the tree) by the Dockerfile, into an OCI archive that
# e2e/cluster load takes. Prints the archive's path.
# usage: build_image.sh [--from-source] [TAG]    default tag: dev; the image is localhost/millrace:TAG
#   MILLRACE_BIN=DIR   take the binaries from there instead of build/bin
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
from_source=false
[ "${1:-}" != --from-source ] || { from_source=true; shift; }
tag=${1:-dev}
cache=${MILLRACE_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace-e2e}
bin=${MILLRACE_BIN:-build/bin}
binaries=(millrace millrace-shard millrace-delivery millrace-operator millrace-controlplane)
base=localhost/millrace-e2e/debian:bookworm
# A store of its own: nothing of this machine's other images is touched, and removing the cache removes it.
store=(--root "$cache/buildah" --runroot "$cache/buildah-run" --storage-driver vfs)
mkdir -p "$cache/images"

# The Debian that the Dockerfile starts from, made of packages since no registry can be asked; once.
make_base() {
  buildah "${store[@]}" images -q "$base" >/dev/null 2>&1 && return
  local root container
  root=$(mktemp -d "$cache/debootstrap.XXXXXX")
  debootstrap --variant=minbase bookworm "$root" >&2
  cp -a /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/" 2>/dev/null && rm -f "$root/etc/apt/sources.list"
  rm -rf "$root"/var/cache/apt/archives/*.deb
  container=$(buildah "${store[@]}" from scratch)
  buildah "${store[@]}" copy -q "$container" "$root" / >&2
  buildah "${store[@]}" commit -q --rm "$container" "$base" >&2
  rm -rf --one-file-system "$root"
}

version=$(sed -n 's/^project(millrace VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
arguments=(--isolation=chroot --pull-never --build-arg "VERSION=$version-$tag" --build-arg "REVISION=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)")
if $from_source; then
  make_base
  arguments+=(--build-arg "BASE=$base")
else
  present=()
  for name in "${binaries[@]}"; do [ ! -x "$bin/$name" ] || present+=("$bin/$name"); done
  cmake/make_image_root.py build/image "$version-$tag" "${present[@]}"
  arguments+=(--target prebuilt)
fi
image=localhost/millrace:$tag
buildah "${store[@]}" bud "${arguments[@]}" -t "$image" . >&2
archive=$cache/images/millrace-$tag.tar
rm -f "$archive.new"
# The name goes along in full, or containerd would not know the image by it.
buildah "${store[@]}" push -q "$image" "oci-archive:$archive.new:$image" >&2
mv -f "$archive.new" "$archive"
buildah "${store[@]}" rmi "$image" >/dev/null 2>&1 || true
echo "$archive"

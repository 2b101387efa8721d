# One image with every binary of Millrace: they share nearly all of their libraries, and a node then pulls once.
# It has no shell and no package manager; cmake/make_image_root.py chooses what is in it and writes its SBOM.
#
#   from source:    buildah bud --isolation=chroot -t millrace .
#   from build/bin: cmake/make_image_root.py build/image VERSION build/bin/... && buildah bud --target prebuilt -t millrace .
ARG BASE=debian:bookworm-slim

FROM scratch AS settings
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Millrace" \
      org.opencontainers.image.description="Managed streaming on Kubernetes: operator, control plane and data plane" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      dev.millrace.sbom="/usr/share/millrace/sbom.spdx.json"
ENV PATH=/usr/bin
USER 65532:65532
CMD ["/usr/bin/millrace", "--help"]

# What a machine that has built build/bin already makes of it, in seconds.
FROM settings AS prebuilt
COPY build/image/ /

FROM ${BASE} AS build
ARG VERSION=dev
WORKDIR /source
COPY cmake/install_dependencies.sh cmake/
RUN cmake/install_dependencies.sh build
COPY . .
RUN cmake --preset release -DMILLRACE_TESTS=OFF && \
    ninja -C build millrace millrace-shard millrace-delivery millrace-operator millrace-controlplane && \
    cmake/make_image_root.py /image "${VERSION}" \
      build/bin/millrace build/bin/millrace-shard build/bin/millrace-delivery build/bin/millrace-operator build/bin/millrace-controlplane

FROM settings
COPY --from=build /image/ /

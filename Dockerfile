# SPDX-License-Identifier: Apache-2.0
#
#   docker build -t apus .
#   docker run --rm -p 8080:8080 -v /path/to/models:/models:ro apus --model /models/model.gguf
#
# Any option of `apus serve` may follow. Settings can also be in the environment, or in a file that is mounted as
# /config/apus.yaml. docs/OPERATIONS.md tells more.

FROM swift:6.3-bookworm AS build
# Their versions are those of the base image's release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /apus
# The dependencies are fetched again only when the manifest changes.
COPY Package.* ./
RUN swift package resolve
COPY Sources Sources
# The manifest names the test targets, so their folders must be there; no test is built.
COPY Tests Tests
# The image has the program, the shared libraries that it loads, and nothing else.
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN swift build -c release --product apus \
    && install -s -D .build/release/apus /image/usr/local/bin/apus \
    && ldd /image/usr/local/bin/apus | grep -o '/[^ ]*' \
    | xargs -I '{}' install -D '{}' '/image{}'

FROM scratch
COPY --from=build /image /
# A number, so that Kubernetes can check runAsNonRoot without looking into the image.
USER 10001:10001
ENV APUS_HOST=0.0.0.0 APUS_PORT=8080
EXPOSE 8080
# Running requests are finished first.
STOPSIGNAL SIGTERM
# The server listens once the model is loaded; until then failed checks do not count.
HEALTHCHECK --interval=10s --timeout=6s --start-period=10m CMD ["/usr/local/bin/apus", "health"]
ENTRYPOINT ["/usr/local/bin/apus", "serve"]

# SPDX-License-Identifier: Apache-2.0
#
#   docker build -t apus .
#   docker run --rm -p 8080:8080 -v /path/to/models:/models:ro apus --model /models/model.gguf

FROM swift:6.3-bookworm AS build
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
RUN swift build -c release --product apus --static-swift-stdlib \
    && install -s -D .build/release/apus /install/apus

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl3 zlib1g \
    && rm -rf /var/lib/apt/lists/*
# A number, so that Kubernetes can check runAsNonRoot without looking into the image.
USER 10001:10001
COPY --from=build /install/apus /usr/local/bin/apus
EXPOSE 8080
# The server listens once the model is loaded; until then failed checks do not count.
HEALTHCHECK --interval=10s --timeout=6s --start-period=10m CMD ["apus", "health", "--port", "8080"]
ENTRYPOINT ["apus", "serve", "--host", "0.0.0.0", "--port", "8080"]
CMD ["--model", "/models/model.gguf"]

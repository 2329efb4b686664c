# syntax=docker/dockerfile:1
# One program for two images:
#   docker build -t virtuoso-proxy .                        the program, its libraries, certificates; no shell
#   docker build -t virtuoso-proxy:debug --target debug .   the same on Debian, with a shell
#   docker run -p 8000:8000 -e API_KEYS=... -e VIRTUOSO_API_TOKEN=... virtuoso-proxy
#   docker run -p 8000:8000 --read-only virtuoso-proxy serve --sandbox --listen 0.0.0.0:8000
# It listens on port 8000, or on $PORT where a platform sets that; operators have 127.0.0.1:9090. Without keys it refuses to start beyond loopback, except with the sandbox. It needs no file that can be written.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
ARG SOURCE_DATE_EPOCH=1767225600
# See third_party/image.sh.
ARG CURL_VERSION=
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}
WORKDIR /src
COPY third_party third_party
RUN CURL_VERSION=${CURL_VERSION} third_party/image.sh tools
COPY . .
RUN third_party/image.sh root /out

FROM ${BASE} AS debug
COPY --from=build /out /
USER 65532:65532
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["/usr/bin/virtuoso-proxy", "healthcheck"]
ENTRYPOINT ["/usr/bin/virtuoso-proxy"]
CMD ["serve", "-c", "/etc/virtuoso-proxy/virtuoso-proxy.yaml"]

FROM scratch AS runtime
COPY --from=build /out /
LABEL org.opencontainers.image.title="virtuoso-proxy" \
      org.opencontainers.image.description="A simple HTTP API in front of the Virtuoso QA platform" \
      org.opencontainers.image.version="0.1.0"
USER 65532:65532
EXPOSE 8000
# SIGTERM drains. Everything is configured by the environment, or by a file mounted over the one below.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["/usr/bin/virtuoso-proxy", "healthcheck"]
ENTRYPOINT ["/usr/bin/virtuoso-proxy"]
CMD ["serve", "-c", "/etc/virtuoso-proxy/virtuoso-proxy.yaml"]

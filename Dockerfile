# syntax=docker/dockerfile:1
# Two stages: the first compiles with the packages that third_party/bootstrap.sh installs, the second holds
# the binary and the shared libraries it needs. Runs as a numbered user without a shell of its own.
#   docker build -t virtuoso-proxy .
#   docker run -p 8000:8000 -e API_KEYS=... -e VIRTUOSO_API_TOKEN=... virtuoso-proxy
# Without keys it refuses to start, since it listens beyond loopback.
FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN third_party/bootstrap.sh build && cmake --build build --target install_files \
    && strip --strip-unneeded build/virtuoso-proxy

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libcjson1 libcurl4 libmbedcrypto7 libmbedtls14 libmbedx509-1 libuv1 libyaml-0-2 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin virtuoso
COPY --from=build /src/build/virtuoso-proxy /usr/local/bin/virtuoso-proxy
COPY --from=build /src/conf/virtuoso-proxy.yaml /etc/virtuoso-proxy/virtuoso-proxy.yaml
COPY --from=build /src/build/generated/install/NOTICES /usr/local/share/doc/virtuoso-proxy/NOTICES
USER 10001:10001
EXPOSE 8000
# Everything is configured by the environment (or a file mounted over the one above); SIGTERM drains.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/virtuoso-proxy"]
CMD ["serve", "-c", "/etc/virtuoso-proxy/virtuoso-proxy.yaml", "--listen", "0.0.0.0:8000"]

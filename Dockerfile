# agora-backend in one image: agora-fcgi behind an nginx of its own, started by conf/container/start.
#
#     docker build -t agora-token-service .
#     docker run -p 8080:8080 -e APP_ID=... -e APP_CERTIFICATE=... agora-token-service
#
# There is no ARG for a setting, on purpose: one that is given with --build-arg is reported as not
# consumed, and is in no layer, no history and no configuration of the image.  Settings come when it
# runs.

ARG BASE=debian:12-slim

FROM ${BASE} AS build
RUN apt-get -q update && apt-get -q install --yes --no-install-recommends gcc make libc6-dev autoconf \
	automake libtool autoconf-archive pkg-config libfcgi-dev libjson-c-dev libsodium-dev \
	zlib1g-dev libssl-dev libcurl4-openssl-dev
WORKDIR /src
COPY autogen.sh configure.ac Makefile.am ./
COPY common/ common/
COPY fcgi/ fcgi/
RUN ./autogen.sh && mkdir build && cd build && ../configure --quiet --sysconfdir=/etc && \
	make -s -j"$(nproc)" agora-fcgi agora-token nginx/console/api.html && strip agora-fcgi agora-token

FROM ${BASE}
RUN apt-get -q update && apt-get -q install --yes --no-install-recommends nginx ca-certificates \
	libfcgi0ldbl libjson-c5 libsodium23 zlib1g libssl3 libcurl4 && \
	rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/*.log && \
	groupadd --system --gid 10001 agora && \
	useradd --system --uid 10001 --gid agora --no-create-home --home-dir / agora
COPY --from=build /src/build/agora-fcgi /src/build/agora-token /usr/bin/
COPY nginx/ /usr/share/agora-backend/nginx/
COPY nginx/console/ /usr/share/agora-backend/nginx/console/
COPY --from=build /src/build/nginx/console/api.html /usr/share/agora-backend/nginx/console/
COPY conf/nginx/ /usr/share/agora-backend/conf/nginx/
COPY conf/container/start /usr/share/agora-backend/conf/container/

# By number, so that Kubernetes sees that it is not root.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s \
	CMD ["/usr/share/agora-backend/conf/container/start", "--ping"]
ENTRYPOINT ["/usr/share/agora-backend/conf/container/start"]

# Registry, hold and avatars in one container.
#
#   docker build -t atcr .
#   docker run -p 5000:5000 -v atcr-data:/data \
#     -e ATCR_SERVER_BASE_URL=https://registry.example.com \
#     -e ATCR_SECRET_KEY=… -e HOLD_OWNER=alice.example.com atcr
#
# BASE is any image that has Deno on its PATH, and bash.
ARG BASE=denoland/deno:debian-2.9.6

# Everything that is made once: packages, the scripts of pages, the helper.
FROM ${BASE} AS build
WORKDIR /app
ENV DENO_DIR=/deno DENO_NO_UPDATE_CHECK=1
COPY deno.json deno.lock ./
COPY main.ts ./
COPY lib lib
COPY routes routes
COPY islands islands
COPY lexicons lexicons
COPY static static
COPY cli cli
COPY docs docs
# The private network of a laptop is only looked at here, not run.
COPY sandbox sandbox
# Only what the program imports is fetched, no test programs; and the caches of
# the compiler differ from build to build.
RUN deno task build && deno install --frozen --entrypoint main.ts && \
    rm -rf sandbox /deno/*cache*-shm /deno/*cache*-wal && \
    find . -name "*_test.ts" -delete && mkdir /data

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="ATCR for Deno" \
      org.opencontainers.image.description="Container registry, hold and avatars for the AT Protocol" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
# With these permissions the limit of open files cannot be read; containers allow
# more than 8,192.
ENV DENO_DIR=/deno DENO_NO_UPDATE_CHECK=1 \
    ATCR_DATA_DIR=/data ATCR_SANDBOX=off ATCR_SERVER_ADDR=:5000 \
    ATCR_SERVER_MAX_CONNECTIONS=4096
COPY --from=build /deno /deno
COPY --from=build /app /app
COPY --from=build --chown=1000:1000 /data /data

USER 1000:1000
VOLUME /data
EXPOSE 5000
STOPSIGNAL SIGTERM
# bash speaks enough HTTP; another Deno would take 60 MB each time.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["bash", "-c", "exec 3<>\"/dev/tcp/127.0.0.1/${ATCR_SERVER_ADDR##*:}\" && printf 'GET /readyz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
# The permissions: docs/operating.md, "Permissions".
CMD ["deno", "run", "--no-prompt", "--allow-net", "--allow-env", "--allow-sys=osRelease,homedir", "--allow-read", "--allow-write=/data", "--cached-only", "--frozen", "main.ts"]

# Registry, hold and avatars in one container.
#
#   docker build -t atcr .
#   docker run -p 5000:5000 -v atcr-data:/data \
#     -e ATCR_SERVER_BASE_URL=https://registry.example.com \
#     -e ATCR_SECRET_KEY=… -e HOLD_OWNER=alice.example.com atcr
#
# BASE is any image that has Deno on its PATH.
ARG BASE=denoland/deno:debian-2.9.6
FROM ${BASE}

WORKDIR /app
ENV DENO_DIR=/deno DENO_NO_UPDATE_CHECK=1 \
    ATCR_DATA_DIR=/data ATCR_SANDBOX=off ATCR_SERVER_ADDR=:5000
# With these permissions the limit of open files cannot be read; containers allow
# more than 8,192.
ENV ATCR_SERVER_MAX_CONNECTIONS=4096
COPY deno.json deno.lock ./
RUN deno install --frozen
COPY main.ts ./
COPY lib lib
COPY routes routes
COPY islands islands
COPY lexicons lexicons
COPY static static
COPY cli cli
COPY sandbox sandbox
RUN deno task build && deno cache --frozen main.ts && \
    mkdir -p /data && chown -R 1000:1000 /data /deno

USER 1000:1000
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["deno", "eval", "const r = await fetch('http://127.0.0.1:5000/readyz'); Deno.exit(r.ok ? 0 : 1)"]
# Why each: docs/operating.md, "Permissions".
CMD ["deno", "run", "--no-prompt", "--allow-net", "--allow-env", "--allow-sys=osRelease,homedir", "--allow-read", "--allow-write=/data", "--frozen", "main.ts"]

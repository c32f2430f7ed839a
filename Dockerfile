# One image for the API and for workers; ROLE tells which. Postgres and Redis run elsewhere.

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# What npm ci applies to packages that have open faults.
COPY patches patches
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts scripts
COPY migrations migrations
COPY src src
COPY workers workers
COPY web web
# The embedded Postgres is meant for laptops, not for containers, so its 60 MB are left out.
RUN node scripts/build.mjs && npm prune --omit=dev --omit=optional --no-audit --no-fund

FROM node:22-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 RUNMILL_HEALTH_PORT=3900 RUNMILL_DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# The command line: docker compose exec api ./runmill keys create
RUN ln -s dist/src/cli/main.js runmill && chmod 755 dist/src/cli/main.js
# Holds attachments, unless they are in a bucket.
RUN install -d -o node -g node /data
VOLUME /data
# `node`, as a number: an orchestrator can then see that it is not root.
USER 1000:1000
EXPOSE 3000 3900
# Health is served apart from the API, by a thread of its own: a busy server is not taken for a dead one.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.RUNMILL_HEALTH_PORT + '/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node is started directly, so that SIGTERM reaches it. It then stops in order within seconds.
# Why it has that option is told in scripts/supervise.mjs.
CMD ["node", "--max-semi-space-size=32", "dist/src/main.js"]

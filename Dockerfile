# The images of the webhook and of the plugin, for those who build with Docker:
#
#   docker build --target webhook --build-arg VERSION=v0.1.0 -t dbtether/webhook:v0.1.0 .
#   docker build --target plugin --build-arg VERSION=v0.1.0 -t dbtether/plugin:v0.1.0 .
#
# `make images` makes the same images without Docker, with reproducible bytes; those
# are the ones that the tests run.
ARG GO_VERSION=1.26

FROM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ENV CGO_ENABLED=0 GOFLAGS=-mod=readonly
RUN go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./cmd/...
RUN mkdir /out/etc \
	&& echo 'nonroot:x:65532:65532::/:/sbin/nologin' >/out/etc/passwd \
	&& echo 'nonroot:x:65532:' >/out/etc/group

FROM scratch AS base
COPY --from=build /out/etc /etc
COPY LICENSE /LICENSE
USER 65532:65532
WORKDIR /

FROM base AS plugin
COPY --from=build /out/kubectl-dbtether /kubectl-dbtether
ENTRYPOINT ["/kubectl-dbtether"]

FROM base AS webhook
COPY --from=build /out/webhook /webhook
ENTRYPOINT ["/webhook"]

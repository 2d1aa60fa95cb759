# A static program on an empty image: no shell, no packages, nothing to patch
# but scimbridge itself.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# Folder by folder, so that no local store or secret gets into a layer.
COPY api api
COPY auth auth
COPY cmd cmd
COPY config config
COPY console console
COPY db db
COPY membership membership
COPY outbound outbound
COPY router router
COPY scim scim
COPY seal seal
COPY server server
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/scimbridge ./cmd/scimbridge \
 && mkdir -p /out/data /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/scimbridge /scimbridge
COPY --from=build --chown=65532:65532 /out/data /data
# For the demo, and for SQLite's temporary files.
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV SCIMBRIDGE_LISTEN=0.0.0.0:8080 \
    SCIMBRIDGE_DATABASE_URL=sqlite:/data/scimbridge.db
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["/scimbridge", "healthcheck"]
ENTRYPOINT ["/scimbridge"]
CMD ["serve"]

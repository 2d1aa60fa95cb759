#!/bin/sh
# After the files are there: the user, its folders. The server is not started: it wants
# settings first. One that runs goes on with the new program once it is restarted.
set -eu
if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers scimbridge.conf
elif ! id scimbridge >/dev/null 2>&1; then
  useradd --system --home-dir /var/lib/scimbridge --shell /usr/sbin/nologin scimbridge
fi
if command -v systemd-tmpfiles >/dev/null; then
  systemd-tmpfiles --create scimbridge.conf
else
  install -d -m 0700 -o scimbridge -g scimbridge /var/lib/scimbridge /var/backups/scimbridge
  install -d -m 0750 -g scimbridge /etc/scimbridge /etc/scimbridge/tls
  chgrp scimbridge /etc/scimbridge/config.yaml
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart scimbridge.service
fi

#!/bin/sh
# Before the files go: the server stops. deb calls it with remove or upgrade, rpm with the
# number of versions that stay.
set -eu
case "${1:-remove}" in remove|0) ;; *) exit 0 ;; esac
if [ -d /run/systemd/system ]; then
  systemctl disable --now scimbridge.service scimbridge-backup.timer || true
fi

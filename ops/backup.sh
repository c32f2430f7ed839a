#!/bin/sh
# Backs up the database of DATABASE_URL, then the attachments in ATTACHMENTS, to the folder BACKUPS: now, and every BACKUP_HOURS
# after that; `sh backup.sh once` does it once. The newest BACKUP_KEEP are kept. A backup gets its name when it is complete.
# It is restored as docs/operations.md says.
set -eu
: "${DATABASE_URL:?}" "${BACKUPS:=/backups}" "${ATTACHMENTS:=/data}" "${BACKUP_HOURS:=24}" "${BACKUP_KEEP:=7}"

backup() {
  name=$BACKUPS/runmill-$(date -u +%Y%m%dT%H%M%SZ)
  rm -f "$BACKUPS"/*.part
  # First the rows: an attachment is stored before what refers to it, and removed a day after its last use at the earliest.
  pg_dump --format=custom --file="$name.dump.part" "$DATABASE_URL" && attachments && mv "$name.dump.part" "$name.dump" && forget
}

# With a bucket there is no such folder, or it is empty.
attachments() {
  [ -d "$ATTACHMENTS/blobs" ] || return 0
  # 1: a file was removed meanwhile. It had no use any more.
  tar --create --file="$name.blobs.tar.part" --directory="$ATTACHMENTS" --exclude=blobs/incoming blobs || [ $? = 1 ] || return 1
  mv "$name.blobs.tar.part" "$name.blobs.tar"
}

forget() {
  find "$BACKUPS" -name 'runmill-*.dump' | sort -r | tail -n "+$((BACKUP_KEEP + 1))" | while read -r old; do
    rm -f "$old" "${old%.dump}.blobs.tar"
  done
}

if [ "${1:-}" = once ]; then
  backup
  exit
fi
while true; do
  if backup; then echo "backup: $name is complete"; else echo "backup: $name failed" >&2; fi
  sleep "$((BACKUP_HOURS * 3600))"
done

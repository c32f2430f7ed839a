#!/bin/sh
# Backs up the database of DATABASE_URL, then the attachments in ATTACHMENTS, to the folder BACKUPS: every BACKUP_HOURS, the
# first time when the newest backup is that old; `sh backup.sh once` does it now, and once. The newest BACKUP_KEEP are kept. A
# backup gets its name when it is complete. It is restored as docs/operations.md says.
set -eu
: "${DATABASE_URL:?}" "${BACKUPS:=/backups}" "${ATTACHMENTS:=/data}" "${BACKUP_HOURS:=24}" "${BACKUP_KEEP:=7}"

backup() {
  name=$BACKUPS/runmill-$(date -u +%Y%m%dT%H%M%SZ)
  clear_stopped
  # First the rows: an attachment is stored before what refers to it, and removed a day after its last use at the earliest.
  if pg_dump --format=custom --file="$name.dump.part" "$DATABASE_URL" && attachments && mv "$name.dump.part" "$name.dump"; then
    forget
  else
    rm -f "$name".*.part
    return 1
  fi
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

# Removes what stopped backups left. What is younger than a day may be of one that is still running.
clear_stopped() {
  find "$BACKUPS" -name 'runmill-*.part' -mmin +1440 -delete
  find "$BACKUPS" -name 'runmill-*.blobs.tar' -mmin +1440 | while read -r archive; do
    [ -e "${archive%.blobs.tar}.dump" ] || rm -f "$archive"
  done
}

is_due() {
  [ -z "$(find "$BACKUPS" -name 'runmill-*.dump' -mmin "-$((BACKUP_HOURS * 60))")" ]
}

if [ "${1:-}" = once ]; then
  backup
  exit
fi
# Restarts make no backups, which would push out the older ones.
is_due || echo "backup: the newest is younger than $BACKUP_HOURS h, the next one is made then"
until is_due; do sleep 60; done
while true; do
  if backup; then echo "backup: $name is complete"; else echo "backup: $name failed" >&2; fi
  sleep "$((BACKUP_HOURS * 3600))"
done

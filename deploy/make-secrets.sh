#!/bin/sh
# Makes the secrets that compose.yaml hands to its containers, each in a file of its own, in the
# folder secrets beside this script. Nothing is overwritten. The argument is how to run Tavern:
#
#   deploy/make-secrets.sh                         # tavern on the search path
#   deploy/make-secrets.sh docker run --rm tavern  # the image
#
# The folder is for its owner only. The files in it are readable, since containers see the files
# alone, and under another user than the one who made them.
set -eu
umask 077

[ $# -gt 0 ] || set -- tavern
folder=$(dirname "$0")/secrets
if [ -e "$folder" ]; then
    echo "$folder exists and is not overwritten" >&2
    exit 1
fi
new=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$new"' EXIT

# A file for each line of `tavern keygen`, under the option's name: socket.server_key, ...
"$@" keygen >"$new/keygen"
awk -v into="$new" '
    /^[a-z_]+:$/ { section = substr($1, 1, length($1) - 1) }
    /^  [a-z_]+: / { printf "%s\n", $2 > (into "/" section "." substr($1, 1, length($1) - 1)) }
' "$new/keygen"
rm "$new/keygen"

# Passwords have the same form: letters and digits, so that they can stand in an address.
for role in superuser tavern; do
    "$@" keygen | sed -n 's/^  server_key: //p' >"$new/postgres.$role"
    [ -s "$new/postgres.$role" ]
done
echo "tavern:$(cat "$new/postgres.tavern")@postgres:5432/tavern" >"$new/database.address"

for secret in socket.server_key runtime.http_key session.encryption_key \
    session.refresh_encryption_key delegation.signing_key; do
    [ -s "$new/$secret" ]
done
chmod 0444 "$new"/*
mv "$new" "$folder"
trap - EXIT
echo "wrote $folder:"
ls "$folder"

#!/bin/sh
# What the tests need of the official entry point: create a cluster with one superuser and one database, start the server.
set -eu

if [ "$(id -u)" = 0 ]; then
    install -d -o postgres -g postgres -m 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi

case "${1:-}" in
    -*) set -- postgres "$@" ;;
esac

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user="${POSTGRES_USER:-postgres}"
    printf '%s\n' "${POSTGRES_PASSWORD:?a password is needed}" > /tmp/password
    # shellcheck disable=SC2086 # several words
    initdb --pgdata="$PGDATA" --username="$user" --pwfile=/tmp/password ${POSTGRES_INITDB_ARGS:-} > /dev/null
    rm /tmp/password
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    if [ "${POSTGRES_DB:-$user}" != postgres ]; then
        echo "CREATE DATABASE \"${POSTGRES_DB:-$user}\"" | postgres --single -j -D "$PGDATA" postgres > /dev/null
    fi
fi

exec "$@"

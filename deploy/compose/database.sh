#!/bin/sh
# What it is for: makes the gateway's user when the database of compose.yaml is made. It
# may read and write what the gateway keeps, and not change the schema: that is the owner's.
# What to change: nothing.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$(cat /run/secrets/database_app_password)" <<'SQL'
create role countersign_app nologin;
create role countersign_service login password :'password' in role countersign_app;
SQL

#!/bin/sh
# A role and a database for each service, as the mounted secret says: its keys are the services, its values their passwords.
# No service can connect to another's. Runs when the server is first made; later as often as one likes, to bring in a
# service that is new or a password that has changed:  kubectl -n shop exec postgres-0 -- /docker-entrypoint-initdb.d/databases.sh
set -eu
for SECRET in /run/secrets/databases/*; do
  export SECRET
  psql --username postgres --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set name="$(basename "$SECRET")" <<'SQL'
\set password `cat "$SECRET"`
SELECT format('CREATE ROLE %I', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" LOGIN PASSWORD :'password';
SELECT format($$CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'$$, :'name', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
psql --username postgres --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
  --command 'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC'

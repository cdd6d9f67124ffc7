#!/bin/sh
# Runs credits.sql in psql, with the arguments given.
#
# psql ends with status 2 when it loses its connection, and nobody knows what was committed. So the script is run again
# from its start: what was done is replayed. Only the output of the run that came to its end is shown.
folder=$(dirname "$0")
for pause in 0.1 0.2 0.4 0.8 1.6 0; do
    shown=$(psql -X "$@" -f "$folder/credits.sql")
    status=$?
    [ $status = 2 ] || break
    echo "connection lost" >&2
    sleep $pause
done
[ -z "$shown" ] || printf '%s\n' "$shown"
exit $status

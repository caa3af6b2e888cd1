#!/usr/bin/env bash
# A consumer's model over two nights: train a space on a made-up shop, snapshot; a day later refit a
# generation of the same space, snapshot; then the logistic regression of Tests/Golden/consumer_model.py.
#
#   check_consumer.sh [USERS [DAYS]]     default 30000 and 141
#   UBPD_BIN     directory of ubpd and ubpctl; default: .build/release
#   PYTHON       default python3; one with scikit-learn fits the model with it
#   QUICK        flags of both refreshes, default --quick; empty for the published epochs
#   CONSUMER     flags of consumer_model.py, such as --everybody
set -euo pipefail

cd "$(dirname "$0")/.."
BIN=$(realpath "${UBPD_BIN:-.build/release}")
PYTHON=${PYTHON:-python3}
QUICK=${QUICK---quick}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/ubpd-consumer.XXXXXX")
DAEMON=""
finish() {
    [[ -z $DAEMON ]] || { kill -TERM "$DAEMON" && wait "$DAEMON"; } || true
    rm -rf "$WORK"
}
trap finish EXIT

"$BIN/ubpd" simulate --users "${1:-30000}" --days "${2:-141}" --seed 3 --out "$WORK/shop" >/dev/null
mkdir "$WORK/log"
# The log as it stood 16 days before its end, and what the day after that added.
lz4 -dcq "$WORK"/shop/log/*.ndjson.lz4 | "$PYTHON" -c '
import json, sys
lines = sys.stdin.buffer.readlines()
def time(line):
    return int(json.loads(line).get("timestamp", 0))
first = max(time(line) for line in lines[-1000:]) - 16 * 86400
with open(sys.argv[1], "wb") as a, open(sys.argv[2], "wb") as b:
    for line in lines:
        t = time(line)
        if t < first:
            a.write(line)
        elif t < first + 86400:
            b.write(line)
' "$WORK/a.ndjson" "$WORK/b.ndjson"

night() { # NUMBER FLAG...: a refresh, and a snapshot of the generation it made
    local number=$1
    shift
    "$BIN/ubpd" refresh $QUICK "$@" --seed 5 --set refresh.threads=2 --log-dir "$WORK/log" \
        --state-dir "$WORK/state" 2>"$WORK/progress" || { tail -n 3 "$WORK/progress" >&2; exit 1; }
    "$BIN/ubpd" run --log-dir "$WORK/log" --state-dir "$WORK/state" --socket "$WORK/s" \
        --set log.reader.grace_seconds=1 >"$WORK/journal" 2>&1 &
    DAEMON=$!
    local end=$((SECONDS + 600))
    until "$BIN/ubpctl" --socket "$WORK/s" --json status 2>/dev/null |
        grep -q "^  \"generation\": $number"; do
        ((SECONDS < end)) || { echo "generation $number never took over" >&2; exit 1; }
        sleep 0.2
    done
    "$BIN/ubpctl" --socket "$WORK/s" --timeout 1800 snapshot create --wait-for-lag 0
    kill -TERM "$DAEMON" && wait "$DAEMON"
    DAEMON=""
}

lz4 -qc "$WORK/a.ndjson" >"$WORK/log/00000000000000000001.ndjson.lz4"
night 1 --encoders
lz4 -qc "$WORK/b.ndjson" >"$WORK/log/00000000000000000002.ndjson.lz4"
night 2
"$PYTHON" Tests/Golden/consumer_model.py ${CONSUMER:-} "$WORK/shop/log" "$WORK/state/snapshots/1" \
    "$WORK/state/snapshots/2"

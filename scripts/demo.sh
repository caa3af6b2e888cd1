#!/usr/bin/env bash
# What ubpd does, in under five minutes, on the real shop data when it is there.
#
#   DEMO_DIR    where to work; default: a new temporary directory, removed at the end
#   KEEP=1      do not remove it
#   UBPD_DATA   the table to import; default: ../shared/data/online_retail.csv.lz4
#   UBPD_BIN    directory of ubpd and ubpctl; default: .build/release
#
# Every step says what it does and when; the first thing that is not as it should be ends it.
set -euo pipefail

cd "$(dirname "$0")/.."
BIN=$(realpath "${UBPD_BIN:-.build/release}")
DATA=${UBPD_DATA:-../shared/data/online_retail.csv.lz4}
if [[ -n ${DEMO_DIR:-} ]]; then
    mkdir -p "$DEMO_DIR"
    WORK=$(realpath "$DEMO_DIR")
    if [[ -n $(ls -A "$WORK") ]]; then
        echo "demo: $WORK is not empty; give another DEMO_DIR" >&2
        exit 2
    fi
else
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/ubpd-demo.XXXXXX")
fi
# Apart, because a socket's path may have 90 bytes only.
SOCKETS=$(mktemp -d /tmp/ubpd-sock.XXXXXX)
LOG=$WORK/log
DAEMON=""
JOURNAL=""
NAME="" APPLIED=0 COMMITTED=0 LAG=0 READ=0
NOW_SOCKET=""

START=${EPOCHREALTIME/[.,]/}
step() {
    local tenths=$(((${EPOCHREALTIME/[.,]/} - START) / 100000))
    printf '[%4d.%d s] %s\n' $((tenths / 10)) $((tenths % 10)) "$*"
}
note() { printf '           %s\n' "$*"; }
show() { sed 's/^/           /'; }

fail() {
    printf 'demo: %s\n' "$*" >&2
    if [[ -n $JOURNAL && -s $JOURNAL ]]; then
        echo "demo: the daemon's last words ($JOURNAL):" >&2
        tail -n 15 "$JOURNAL" >&2
    fi
    exit 1
}

finish() {
    local status=$?
    if [[ -n $DAEMON ]]; then
        kill -KILL "$DAEMON" 2>/dev/null || true
        wait "$DAEMON" 2>/dev/null || true
    fi
    rm -rf "$SOCKETS"
    if [[ ${KEEP:-0} == 1 || (-n ${DEMO_DIR:-} && $status != 0) ]]; then
        echo "kept: $WORK"
    else
        rm -rf "$WORK"
    fi
}
trap finish EXIT

# --- asking

ctl() { "$BIN/ubpctl" --socket "$NOW_SOCKET" --json "$@"; }
human() { "$BIN/ubpctl" --socket "$NOW_SOCKET" "$@" | show; }

# field NAME.NAME: that member of the JSON document on standard input; empty when null.
field() {
    python3 -c '
import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."):
    value = value[name]
print("" if value is None else value)' "$1"
}

# look: sets NAME, APPLIED, COMMITTED, LAG and READ from one answer of the daemon, without starting
# another program than ubpctl, so that a kill can be aimed; fails before the daemon answers.
look() {
    local text s='[[:space:]]*'
    text=$(ctl status 2>/dev/null) || return 1
    [[ $text =~ \"state\"$s:$s\"([a-z-]+)\" ]] && NAME=${BASH_REMATCH[1]} || return 1
    [[ $text =~ \"applied\"$s:$s\{[^\}]*\"offset\"$s:$s([0-9]+) ]] &&
        APPLIED=${BASH_REMATCH[1]} || return 1
    [[ $text =~ \"committed\"$s:$s\{[^\}]*\"offset\"$s:$s([0-9]+) ]] &&
        COMMITTED=${BASH_REMATCH[1]} || return 1
    [[ $text =~ \"lag\"$s:$s\{[^\}]*\"bytes\"$s:$s([0-9]+) ]] &&
        LAG=${BASH_REMATCH[1]} || return 1
    [[ $text =~ \"read\"$s:$s\"?([0-9]+) ]] && READ=${BASH_REMATCH[1]} || return 1
}

# wait_until WHAT SECONDS COMMAND...: until COMMAND succeeds; a daemon that ended is a failure.
wait_until() {
    local what=$1 seconds=$2 end
    shift 2
    end=$((SECONDS + seconds))
    until "$@"; do
        [[ -z $DAEMON ]] || kill -0 "$DAEMON" 2>/dev/null || fail "the daemon ended before: $what"
        ((SECONDS < end)) || fail "waited $seconds s for: $what"
        sleep 0.05
    done
}

caught_up() { look && [[ $NAME == live && $LAG == 0 ]]; }
has_read() { look && ((READ >= $1)); }

# --- the log

# append_events: one segment more, made with the lz4 tool: 3 visits, a search, a cart, a purchase.
append_events() {
    CLOCK=$(ctl status | field log_clock)
    python3 - "$LOG" "$USER_ID" "$CLOCK" >"$WORK/new.ndjson" <<'PYTHON'
import glob, json, subprocess, sys
directory, user, clock = sys.argv[1], sys.argv[2], int(sys.argv[3])
last = sorted(glob.glob(f"{directory}/*.ndjson.lz4"))[-1]
lines = subprocess.run(["lz4", "-dcq", last], stdout=subprocess.PIPE, check=True).stdout
sku = next(json.loads(line)["sku"] for line in reversed(lines.splitlines())
           if b'"product_buy"' in line and b'"sku":' in line and line.endswith(b"}"))
t = clock + 3600
event = {"client_id": int(user)}
for n in range(3):
    print(json.dumps(event | {"timestamp": t + 60 * n, "event_type": "page_visit", "url": n}))
print(json.dumps(event | {"timestamp": t + 200, "event_type": "search_query",
                          "query": list(range(0, 256, 17))}))
print(json.dumps(event | {"timestamp": t + 240, "event_type": "add_to_cart", "sku": sku}))
print(json.dumps(event | {"timestamp": t + 300, "event_type": "product_buy", "sku": sku}))
PYTHON
    LAST=$(basename "$(ls "$LOG"/*.ndjson.lz4 | tail -n 1)" .ndjson.lz4)
    NEXT=$(printf '%020d' $((10#$LAST + 1)))
    lz4 -qc "$WORK/new.ndjson" >"$LOG/.$NEXT.tmp"
    mv "$LOG/.$NEXT.tmp" "$LOG/$NEXT.ndjson.lz4"
}

# --- the daemon

start_daemon() { # STATE_DIR NAME [FLAG...]
    local state=$1 name=$2
    shift 2
    NOW_SOCKET=$SOCKETS/$name.sock
    JOURNAL=$WORK/$name.journal
    [[ ! -f config/ubpd.yaml ]] || set -- --config config/ubpd.yaml "$@"
    # A segment of the lz4 tool has no end mark: it counts as whole after this grace time.
    "$BIN/ubpd" run "$@" --set log.reader.grace_seconds=1 --log-dir "$LOG" --state-dir "$state" --socket "$NOW_SOCKET" \
        >>"$JOURNAL" 2>&1 &
    DAEMON=$!
    wait_until "READY" 60 look
}

stop_daemon() {
    kill -TERM "$DAEMON"
    wait "$DAEMON" || fail "the daemon did not end well (status $?)"
    DAEMON=""
}

check_balance() {
    ctl status | python3 -c '
import json, sys
c = json.load(sys.stdin)["counters"]
parts = "applied late duplicate suppressed quarantined pending held".split()
line = " + ".join(f"{name} {int(c[name])}" for name in parts)
read = int(c["read"])
print("read %d = %s; catalogue %d" % (read, line, int(c["catalogue"])))
sys.exit(0 if read == sum(int(c[name]) for name in parts) else 1)' | show ||
        fail "the counters do not add up"
}

# --- 1: a log

mkdir -p "$LOG"
[[ -x $BIN/ubpd && -x $BIN/ubpctl ]] || fail "no ubpd and ubpctl in $BIN; build them first"
if [[ -f $DATA ]]; then
    step "import the real shop data: $DATA"
    "$BIN/ubpd" import --format csv --in "$DATA" --map cancellation=remove_from_cart \
        --text-vectors hash --log-dir "$LOG" >"$WORK/import.txt" 2>"$WORK/import.progress" ||
        fail "import: $(tail -n 3 "$WORK/import.progress")"
    show <"$WORK/import.txt"
    note "a cancellation is no cart removal; this demo maps it to one, so that it is not lost"
    EXPECTED_READ=$(($(lz4 -dcq "$DATA" | wc -l) - 1))
    EXPECTED_CATALOGUE=$(awk '$1 == "product_update:" { print $2 }' "$WORK/import.txt")
    USER_ID=17850
    COMMIT_BYTES=262144
else
    step "no real data at $DATA: generate a small log instead"
    python3 scripts/demo_log.py --seed 1 --users 3000 >"$WORK/log.ndjson"
    lz4 -qc "$WORK/log.ndjson" >"$LOG/00000000000000000001.ndjson.lz4"
    EXPECTED_READ=$(grep -Evc '^[[:space:]]*$|"product_update"' "$WORK/log.ndjson")
    EXPECTED_CATALOGUE=$(grep -c '"product_update"' "$WORK/log.ndjson")
    USER_ID=$(grep -Eo '"client_id":[0-9]+' "$WORK/log.ndjson" | sort | uniq -c |
        sort -k1,1nr -k2 | awk 'NR == 1 { sub(/.*:/, "", $2); print $2 }')
    COMMIT_BYTES=65536
    note "$(wc -l <"$WORK/log.ndjson") records; the busiest user is $USER_ID"
fi
note "$(ls "$LOG" | grep -c 'ndjson\.lz4$') segments, $(du -sh "$LOG" | cut -f1)"

# --- 2: a generation and a daemon

step "fit the statistics and make generation 1, with seeded weights that are not trained"
"$BIN/ubpd" refresh --untrained --seed 7 --log-dir "$LOG" --state-dir "$WORK/state-1" 2>&1 | show

step "start the daemon and wait until it has read the whole log"
start_daemon "$WORK/state-1" daemon-1
note "READY; $APPLIED records applied, $LAG bytes of the log unread"
wait_until "the daemon to catch up" 120 caught_up
step "caught up"
check_balance
CATALOGUE=$(ctl status | field counters.catalogue)
[[ $READ == "$EXPECTED_READ" ]] || fail "read $READ records, the log has $EXPECTED_READ"
[[ $CATALOGUE == "$EXPECTED_CATALOGUE" ]] ||
    fail "$CATALOGUE catalogue updates, the log has $EXPECTED_CATALOGUE"
[[ $(ctl status | field generation) == 1 ]] || fail "the daemon does not serve generation 1"

# --- 3: a profile that moves

step "the profile of user $USER_ID"
human profile get "$USER_ID" | cut -c 1-110 | sed -n 1,16p
ctl profile get "$USER_ID" >"$WORK/before.json"
step "first snapshot"
FIRST=$(ctl snapshot create | field version)
note "version $FIRST, current -> $(readlink "$WORK/state-1/snapshots/current")"

step "append a segment made with the lz4 tool: 3 visits, a search, a cart, a purchase"
append_events
wait_until "the six events" 30 has_read $((EXPECTED_READ + 6))
step "six events further on"
ctl profile get "$USER_ID" >"$WORK/after.json"
python3 - "$WORK/before.json" "$WORK/after.json" <<'PYTHON' | show || fail "the profile is the same"
import json, sys
import numpy as np
before, after = (json.load(open(path)) for path in sys.argv[1:])
a, b = (np.array(p["vector"], np.float64) for p in (before, after))
for name, p in (("before", before), ("after", after)):
    print(f"{name:6}: {p['events']} events, {p['rows']} rows, {p['pending']} pending")
for part in after["parts"]:
    x, y = (v[part["start"]:part["end"]] for v in (a, b))
    cosine = 1 - x @ y / np.sqrt((x @ x) * (y @ y))
    print(f"{part['name']}: cosine distance {cosine:.3g}, largest change {np.abs(x - y).max():.3g}")
grown = int(after["events"]) == int(before["events"]) + 6
sys.exit(0 if grown and after["rows"] > before["rows"] and (a != b).any() else 1)
PYTHON

# --- 4: snapshots

step "second snapshot"
SECOND=$(ctl snapshot create | field version)
human snapshot list
step "something is wrong with $SECOND: roll back to $FIRST"
human snapshot rollback "$FIRST" --reason "the demo goes back"
CURRENT=$WORK/state-1/snapshots/current
note "current -> $(readlink "$CURRENT"); held: $(ctl status | field snapshot.hold)"
[[ $(ctl status | field snapshot.current) == "$FIRST" ]] || fail "current is not $FIRST"
[[ -n $(ctl status | field snapshot.hold) ]] || fail "current is not held"
step "release the hold"
human snapshot release
[[ $(ctl status | field snapshot.current) == "$SECOND" ]] || fail "current is not $SECOND"
[[ -z $(ctl status | field snapshot.hold) ]] || fail "current is still held"
note "current -> $(readlink "$CURRENT")"
step "read the snapshot with numpy"
WEIGHTS=$(ls "$WORK"/state-1/spaces/*/encoders/sra.safetensors)
python3 scripts/check_snapshot.py "$CURRENT/" --weights "$WEIGHTS" | show ||
    fail "snapshot $SECOND is no good snapshot"
check_balance

# --- 5: training, while the daemon serves

step "train: a quick refresh over the whole log, all six networks, in a process of its own"
"$BIN/ubpd" refresh --encoders --quick --seed 7 --log-dir "$LOG" --state-dir "$WORK/state-1" \
    >"$WORK/refresh.txt" 2>"$WORK/refresh.progress" ||
    fail "refresh: $(tail -n 3 "$WORK/refresh.progress")"
show <"$WORK/refresh.txt"
serves() { [[ $(ctl status | field generation) == "$1" ]]; }
wait_until "the daemon to take generation 2 over" 120 serves 2
step "the daemon has taken it over without a gap"
human generation list
step "what user $USER_ID will do"
human profile predict "$USER_ID" --limit 3
ctl profile predict "$USER_ID" --limit 100 >"$WORK/foretold-before.json"
step "six more events"
append_events
wait_until "the six events" 30 has_read $((EXPECTED_READ + 12))
human profile predict "$USER_ID" --limit 3
ctl profile predict "$USER_ID" --limit 100 >"$WORK/foretold-after.json"
python3 - "$WORK/foretold-before.json" "$WORK/foretold-after.json" <<'PYTHON' | show || fail "nothing else is foretold"
import json, sys
before, after = (json.load(open(path)) for path in sys.argv[1:])
a, b = (reply["predictions"][0] for reply in (before, after))
print(f"churn {a['churn']:.4f} -> {b['churn']:.4f}")
moved = 0.0
for name in ("categories", "items"):
    x, y = ({t["id"]: t["probability"] for t in p[name]} for p in (a, b))
    moved = max([moved] + [abs(x[k] - y[k]) for k in x])
print(f"largest change of a category or an item: {moved:.4f}")
good = all(0 < p["churn"] < 1 for p in (a, b)) and before["trained"] and after["trained"]
sys.exit(0 if good and a["churn"] != b["churn"] and moved > 0 and before["generation"] == 2 else 1)
PYTHON
step "a snapshot of the trained profiles, checked by numpy"
TRAINED=$(ctl snapshot create --wait-for-lag 0 | field version)
python3 scripts/check_snapshot.py "$WORK/state-1/snapshots/$TRAINED" \
    --weights "$WORK"/state-1/spaces/2/encoders/*.safetensors | show ||
    fail "snapshot $TRAINED is no good snapshot"
step "generation 1 again, by hand"
human generation activate 1
wait_until "generation 1 to take over" 60 serves 1
check_balance
look
TOTAL=$APPLIED
stop_daemon
step "prove the states: fold the log again with the active generation and compare"
"$BIN/ubpd" verify --replay --log-dir "$LOG" --state-dir "$WORK/state-1" 2>"$WORK/verify.progress" |
    show || fail "verify: $(tail -n 3 "$WORK/verify.progress")"

# --- 6: a kill in the middle

step "two new state directories with one generation over the whole log"
"$BIN/ubpd" refresh --untrained --seed 7 --log-dir "$LOG" --state-dir "$WORK/state-2" \
    >"$WORK/refresh-2.txt" 2>&1 || fail "refresh: $(tail -n 3 "$WORK/refresh-2.txt")"
cp -a "$WORK/state-2" "$WORK/state-3"
cp -a "$WORK/state-2" "$WORK/state-pristine"

kill_daemon() {
    kill -KILL "$DAEMON" 2>/dev/null || fail "the daemon ended by itself"
    wait "$DAEMON" 2>/dev/null || true
    DAEMON=""
}

# kill_daemon_in_the_middle SHARE: SIGKILL once SHARE % of the log are applied and something is
# committed; fails, with the daemon running, when it is at the end of the log before that.
kill_daemon_in_the_middle() {
    while kill -0 "$DAEMON" 2>/dev/null; do
        look || continue
        [[ $NAME != live || $LAG != 0 ]] || return 1
        if ((APPLIED * 100 > TOTAL * $1 && COMMITTED > 0 && LAG > 0)); then break; fi
    done
    kill_daemon
}

step "start on the first of them, and kill -9 in the middle of catching up"
# Small commits, so that a part of the work is durable when the kill comes.
COMMITS=(--set "commit.catch_up_bytes=$COMMIT_BYTES")
start_daemon "$WORK/state-2" daemon-2 "${COMMITS[@]}"
if kill_daemon_in_the_middle 20; then
    note "killed with $APPLIED of $TOTAL records applied, $COMMITTED committed, $LAG bytes unread"
else
    note "it caught up before it could be killed; once more, killed at its first commit"
    kill_daemon
    rm -rf "$WORK/state-2"
    mv "$WORK/state-pristine" "$WORK/state-2"
    start_daemon "$WORK/state-2" daemon-2 "${COMMITS[@]}"
    if kill_daemon_in_the_middle 0; then
        note "killed with $APPLIED of $TOTAL records applied, $COMMITTED committed"
    else
        kill_daemon
        note "it was faster again: killed at the end of the log, so this shows less than wanted"
    fi
fi
start_daemon "$WORK/state-2" daemon-2
note "restarted; $COMMITTED records were committed, $APPLIED are applied by now, $LAG bytes unread"
KILLED=$(ctl snapshot create --wait-for-lag 0 | field path)
step "caught up after the kill; snapshot $(basename "$KILLED")"
check_balance
stop_daemon

step "the same log, undisturbed"
start_daemon "$WORK/state-3" daemon-3
UNDISTURBED=$(ctl snapshot create --wait-for-lag 0 | field path)
step "caught up; snapshot $(basename "$UNDISTURBED")"
check_balance
stop_daemon
in_state() { case $1 in /*) echo "$1" ;; *) echo "$2/$1" ;; esac; }
KILLED=$(in_state "$KILLED" "$WORK/state-2")
UNDISTURBED=$(in_state "$UNDISTURBED" "$WORK/state-3")
# One log, one population: whoever was in the second snapshot is in these.
for PLACE in "$KILLED" "$UNDISTURBED"; do
    python3 scripts/check_snapshot.py "$PLACE" | show || fail "$PLACE is no good snapshot"
    cmp "$WORK/state-1/snapshots/$SECOND/client_ids.npy" "$PLACE/client_ids.npy" ||
        fail "$PLACE has other users than the same log gave before"
done
for FILE in client_ids.npy embeddings.npy; do
    note "$(sha256sum <"$KILLED/$FILE" | cut -c 1-64)  $FILE, killed"
    note "$(sha256sum <"$UNDISTURBED/$FILE" | cut -c 1-64)  $FILE, undisturbed"
    cmp "$KILLED/$FILE" "$UNDISTURBED/$FILE" || fail "$FILE differs"
done
step "the snapshot after SIGKILL is byte-identical to that of an undisturbed run"

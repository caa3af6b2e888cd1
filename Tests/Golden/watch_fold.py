"""Follows `profile.watch` over the socket and compares what it folded with `profile.batch`.

Usage: watch_fold.py SOCKET SECONDS LIMIT END, users on standard input. Knows nothing of ubpd but docs/control.md: it keeps a table
of users by the stream alone, is resumed by the last revision over every break of the connection,
begins anew when it is told `compacted`, and prints what differs in the end: a quiet moment after the
file END has come to be, at most SECONDS later.
"""

import json
import os
import socket
import sys
import time

path, seconds, limit, end_file = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
users = [int(word) for word in sys.stdin.read().split()]
count = 0
stream = None


def call(method, **params):
    """One request, one reply; None when the daemon is not there now."""
    global count, stream
    count += 1
    line = json.dumps({"jsonrpc": "2.0", "id": count, "method": method, "params": params})
    try:
        if stream is None:
            peer = socket.socket(socket.AF_UNIX)
            peer.settimeout(120)
            peer.connect(path)
            stream = peer.makefile("rwb")
        stream.write(line.encode() + b"\n")
        stream.flush()
        reply = stream.readline()
        if not reply:
            raise ConnectionError("closed")
    except OSError:
        stream = None
        time.sleep(0.05)
        return None
    reply = json.loads(reply)
    assert reply["id"] == count, reply
    if "error" in reply:
        name = reply["error"]["data"]["name"]
        assert name in ("stopping", "busy"), reply
        time.sleep(0.05)
        return None
    return reply["result"]


def read_all():
    """Users as the daemon answers them now."""
    found = {}
    for start in range(0, len(users), 500):
        reply = None
        while reply is None:
            reply = call("profile.batch", users=users[start:start + 500], encoding="float16")
        for row in reply["profiles"]:
            if row["known"]:
                found[row["user"]] = (row["events"], row["newest"])
    return found


table = None
revision = None
told = compacted = waits = 0
last = None
end = None
was_end = False
while True:
    params = {"limit": limit, "wait": 0.5}
    if revision is not None:
        params["after"] = revision
    reply = call("profile.watch", **params)
    if reply is None:
        continue
    if revision is None or reply["compacted"]:
        compacted += revision is not None
        revision = reply["revision"]
        # Read behind the revision: what changes meanwhile is told again.
        table = read_all()
        last = None
        continue
    seen = set()
    for change in reply["changes"]:
        place = tuple(int(part) for part in change["revision"].split("-"))
        assert last is None or place >= last, (place, last)
        assert change["user"] not in seen, change
        seen.add(change["user"])
        last = place
        if change["forgotten"]:
            table.pop(change["user"], None)
        else:
            table[change["user"]] = (change["events"], change["newest"])
    told += len(reply["changes"])
    waits += not reply["changes"]
    revision = reply["revision"]
    if end is None and os.path.exists(end_file):
        end = time.monotonic() + seconds
    # What is quiet for a whole wait that began at the end is at its end.
    if was_end and not reply["changes"]:
        break
    was_end = end is not None
    assert end is None or time.monotonic() < end, "it never ends"

answered = read_all()
differing = sorted(
    user for user in answered.keys() | table.keys() if answered.get(user) != table.get(user))
print(json.dumps({
    "users": len(table), "answered": len(answered), "told": told, "compacted": compacted,
    "quiet": waits, "differing": differing[:5], "differing_count": len(differing)}))

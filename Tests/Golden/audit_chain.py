"""Judges an audit chain from outside: recomputes every hash from the rows of ubpd.sqlite.

Usage: audit_chain.py FILE. Prints `whole COUNT HASH`, or `broken SEQUENCE REASON`. It shares nothing
with the daemon but the description in docs/control.md.
"""

import hashlib
import sqlite3
import sys


def field(value):
    if value is None:
        return b"~"
    data = str(value).encode()
    return b"%d:%s," % (len(data), data)


def judge(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    previous, count = "0" * 64, 0
    rows = database.execute(
        "SELECT sequence, seconds, uid, gid, pid, role, method, parameters, outcome, request,"
        " previous, hash FROM audit ORDER BY sequence")
    for row in rows:
        *fields, digest = row
        if row[0] != count + 1:
            return f"broken {count + 1} missing"
        if row[10] != previous:
            return f"broken {row[0]} previous"
        text = b"".join(map(field, ["ubpd-audit-1", *fields]))
        if hashlib.sha256(text).hexdigest() != digest:
            return f"broken {row[0]} hash"
        previous, count = digest, row[0]
    head = database.execute("SELECT sequence, hash FROM audit_head").fetchone()
    if head != (count, previous):
        return f"broken {count + 1} head"
    return f"whole {count} {previous}"


print(judge(sys.argv[1]))

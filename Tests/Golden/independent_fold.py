#!/usr/bin/env python3
"""Folds a log a second time, from docs/rows.md alone, and compares with what ubpd answers.

    independent_fold.py --log-dir DIR --state-dir DIR --generation 1 --users 200 --seed 1 \
        --socket PATH
    independent_fold.py --log-dir DIR --state-dir DIR --generation 1 --verify-fit
    independent_fold.py --self-test

Needs numpy and the `lz4` command. Exits 1 when anything differs.
"""

import argparse
import os
import random
import sys
import time

# A second thread costs more than it gives at these sizes, most of all on a busy machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from golden_fit import check_fit
from golden_log import Settings, admitted, ordered, read_log
from golden_net import Daemon, Frozen
from golden_rows import Shop, finished, raw_rows, rows_of

TOLERANCE = 1e-5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--log-dir")
    parser.add_argument("--state-dir")
    parser.add_argument("--generation", type=int, default=1)
    parser.add_argument("--users", type=int, default=200, help="how many to compare")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--socket", help="of a daemon that has this log")
    parser.add_argument("--rule", choices=("inactivity", "cap"), default="inactivity")
    parser.add_argument("--verify-fit", action="store_true",
                        help="recompute the statistics from the whole log")
    parser.add_argument("--self-test", action="store_true",
                        help="check this program against published golden numbers")
    parser.add_argument("--explain", help="print the rows of this user and stop")
    return parser.parse_args()


def chosen(folded, count, seed):
    """A tenth with the most events, a tenth with the fewest, the rest a seeded sample."""
    ranked = sorted(folded, key=lambda u: (-len(folded[u]), u))
    if count >= len(ranked):
        return ranked
    tenth = max(1, count // 10)
    ends = ranked[:tenth] + ranked[-tenth:]
    middle = sorted(set(ranked) - set(ends))
    return (ends + random.Random(seed).sample(middle, max(0, count - len(ends))))[:count]


def check_counters(ours, status, report):
    for name, want in ours.items():
        got = status["counters"].get(name)
        if got is not None and int(got) != want:
            report(f"counter {name}: {got}, want {want}")


def check_users(users, rows, shop, daemon, report):
    """Compares the SRA part of each user; returns the largest difference."""
    sequences = []
    for user in users:
        sequences.append(finished(*raw_rows(rows[user], shop), shop.frozen.scalers))
    wanted = shop.frozen.sra.encoded(sequences)
    largest, failed = 0.0, 0
    for user, want in zip(users, wanted):
        got, reply = daemon.part(user, "sra")
        if got.shape != want.shape or not np.isfinite(got).all():
            report(f"user {user}: {got.shape} values, want {want.shape}, all finite")
            failed += 1
            continue
        difference = float(np.abs(got - want).max())
        largest = max(largest, difference)
        if difference > TOLERANCE:
            failed += 1
            report(f"user {user}: SRA differs by {difference:.3g}; {len(rows[user])} rows, "
                   f"the daemon says {reply.get('rows', reply.get('row_count'))}")
    return largest, failed


def explain(user, rows, shop):
    raw, tables = raw_rows(rows, shop)
    done = finished(raw, tables, shop.frozen.scalers)
    for i, row in enumerate(rows):
        print(f"row {i} {row.table} t={row.t} late={row.late}")
        print("  raw   ", " ".join(f"{p}:{x:g}" for p, x in enumerate(raw[i]) if x))
        print("  scaled", " ".join(f"{p}:{x:.4g}" for p, x in enumerate(done[i]) if x))


def main():
    options = arguments()
    if options.self_test:
        import golden_self_test
        return golden_self_test.run()
    start = time.monotonic()
    failures = []

    def report(line):
        failures.append(line)
        print(line)

    settings = Settings(rule=options.rule)
    log = read_log(options.log_dir, settings)
    arrived = admitted(log, settings)
    folded = {u: ordered(events, log.counters, settings) for u, events in arrived.items()}
    folded = {u: events for u, events in folded.items() if events}
    shop = Shop(log, Frozen(options.state_dir, options.generation))
    print("counters:", ", ".join(f"{k} {v}" for k, v in log.counters.items() if v))
    if options.explain:
        user = int(options.explain)
        explain(user, rows_of(folded[user], settings, shop), shop)
        return 0
    if options.verify_fit:
        rows = {u: rows_of(folded[u], settings, shop) for u in folded}
        compared = check_fit(folded, rows, shop, report)
        print(f"fit: {sum(map(len, rows.values()))} rows, {compared} scalers, "
              f"{len(failures)} differences")
    if options.socket:
        users = chosen(folded, options.users, options.seed)
        rows = {u: rows_of(folded[u], settings, shop) for u in users}
        daemon = Daemon(options.socket)
        check_counters(log.counters, daemon.caught_up(), report)
        largest, failed = check_users(users, rows, shop, daemon, report)
        print(f"{len(users)} users, max |difference| {largest:.3g}"
              + (f", {failed} users failed" if failed else ""))
    print(f"{time.monotonic() - start:.1f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""A consumer of snapshots: a model trained on one night's profiles, used on the next night's.

    consumer_model.py LOG_DIR SNAPSHOT_A SNAPSHOT_B [--days 14] [--tolerance 0.01]

Both snapshots must be of one space. The label of a user is whether it buys nothing within DAYS of
the snapshot's `as_of`, read from the log's purchases with the lz4 program; those who have bought
before count, as in the challenge, or everybody with --everybody. Half of the users (by a hash)
train a logistic regression, its penalty chosen among them, on snapshot A; the other half are scored on A, with A's labels, and on B, with B's. Exits 1 when the
AUROC falls by more than the tolerance. scikit-learn fits the model when it is there, numpy
otherwise; nothing of ubpd takes part but the files it published.
"""

import argparse
import glob
import json
import os
import subprocess
import sys

import numpy as np


def load(folder):
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    ids = np.load(os.path.join(folder, "client_ids.npy"))
    rows = np.load(os.path.join(folder, "embeddings.npy")).astype(np.float64)
    return manifest, ids, rows


def purchases(log):
    """Users and times of all purchases, in log order."""
    users, times = [], []
    for path in sorted(glob.glob(os.path.join(log, "*.ndjson.lz4"))):
        text = subprocess.run(["lz4", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
        for line in text.splitlines():
            if b"product_buy" not in line:
                continue
            record = json.loads(line)
            if record.get("event_type") == "product_buy":
                users.append(int(record["client_id"]))
                times.append(int(record["timestamp"]))
    return np.array(users, np.int64), np.array(times, np.int64)


def labels(ids, as_of, days, users, times):
    """Who has bought by `as_of`, and who of them buys nothing in the days after it."""
    known = np.isin(ids, users[times <= as_of])
    later = users[(times > as_of) & (times <= as_of + 86400 * days)]
    return known, ~np.isin(ids, later)


def auroc(score, label):
    """Mann and Whitney's, ties counting half."""
    order = np.argsort(score, kind="stable")
    values, counts = np.unique(score[order], return_counts=True)
    ends = np.cumsum(counts)
    ranks = np.repeat(ends - (counts - 1) / 2, counts)
    positives = label[order]
    n, m = positives.sum(), (~positives).sum()
    return float((ranks[positives].sum() - n * (n + 1) / 2) / (n * m))


def fit(x, y, penalty=1.0):
    """Logistic regression on standardised columns; the function that scores rows."""
    mean, spread = x.mean(0), x.std(0)
    spread[spread < 1e-9] = np.inf

    def scaled(rows):
        return (rows - mean) / spread

    try:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=1 / penalty, max_iter=1000).fit(scaled(x), y)
        return "scikit-learn", lambda rows: model.decision_function(scaled(rows))
    except ImportError:
        z = np.hstack([scaled(x), np.ones((len(x), 1))])
        ridge = penalty * np.ones(z.shape[1])
        ridge[-1] = 1e-6
        w = np.zeros(z.shape[1])
        for _ in range(30):
            p = 1 / (1 + np.exp(-z @ w))
            step = np.linalg.solve(
                (z * (p * (1 - p))[:, None]).T @ z + np.diag(ridge), z.T @ (p - y) + ridge * w)
            w -= step
            if np.abs(step).max() < 1e-6:
                break
        return "numpy", lambda rows: scaled(rows) @ w[:-1] + w[-1]


def best(x, y):
    """`fit` with the penalty, out of five, that does best on a quarter of the users."""
    held = np.arange(len(y)) % 4 == 3
    scores = {}
    for penalty in (1, 10, 100, 1000, 10000):
        _, score = fit(x[~held], y[~held], penalty)
        scores[penalty] = auroc(score(x[held]), y[held])
    return fit(x, y, max(scores, key=scores.get))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("log")
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--everybody", action="store_true")
    parser.add_argument("--tolerance", type=float, default=0.01)
    options = parser.parse_args()
    users, times = purchases(options.log)
    nights = []
    for folder in (options.first, options.second):
        manifest, ids, rows = load(folder)
        known, churned = labels(ids, manifest["as_of"], options.days, users, times)
        known |= options.everybody
        # splitmix64's last round: a half that does not depend on the order of ids.
        mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        held = ((mixed >> np.uint64(40)) & np.uint64(1)).astype(bool)
        nights.append((manifest, rows, churned, known & ~held, known & held))
    (a, x, y, train, test), (b, x2, y2, train2, test2) = nights
    if a["space"] != b["space"]:
        sys.exit(f"the snapshots are of spaces {a['space']} and {b['space']}: not comparable")
    if a["parts"] != b["parts"]:
        sys.exit("the snapshots have different parts")

    def compare(columns):
        by, score = best(x[train][:, columns], y[train])
        _, fresh = best(x2[train2][:, columns], y2[train2])
        return (by, auroc(score(x[test][:, columns]), y[test]),
                auroc(score(x2[test2][:, columns]), y2[test2]),
                auroc(fresh(x2[test2][:, columns]), y2[test2]))

    by, same, moved, renewed = compare(slice(None))
    print(f"generation {a['generation']} -> {b['generation']} of space {a['space']}, "
          f"{train.sum()} users trained on, {test.sum()} and {test2.sum()} scored, by {by}")
    print(f"churn AUROC {same:.4f} on its own night, {moved:.4f} on the next "
          f"({moved - same:+.4f}); a model trained anew there {renewed:.4f}")
    for part in a["parts"]:
        _, own, later, anew = compare(slice(part["start"], part["end"]))
        print(f"  {part['name']:15} {own:.4f} -> {later:.4f} ({later - own:+.4f}); anew {anew:.4f}")
    return 0 if moved > same - options.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())

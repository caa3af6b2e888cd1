#!/usr/bin/env python3
"""Judges a simulation by its log and its truth; shares no code with Sources/Simulation.

    python3 Tests/Golden/simulation_oracle.py DIR [--cutoff-day N] [--json]

reads DIR/log through the `lz4` command and DIR/truth with numpy, and prints

- the events by type and the manifest's counts, which must agree;
- churn: of the users with a purchase before the cutoff, who buys nothing in the 14 days after it;
  the AUROC of the truth's probability, of trivial scores (recency of the last event and of the last
  purchase, number of events, of purchases), of a logistic regression on those four, and of one
  on counts by type and window as well;
- the reliability of the truth: in ten groups by probability, the mean against the share that came
  true, as a z value from the binomial error; and the whole;
- categories: AUROC of (user, category) pairs, of the truth's affinity against what the user bought
  before (counts, ties by popularity), for users who buy after the cutoff.

Exit status 1 when a count differs or |z| is above 4.5 anywhere.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

KINDS = ["page_visit", "search_query", "add_to_cart", "remove_from_cart", "product_buy"]
DAY = 86_400


def events(log):
    """(user, second, kind, key) arrays in log order, and {sku: category}."""
    users, seconds, kinds, keys = [], [], [], []
    categories = {}
    for segment in sorted(log.glob("*.ndjson.lz4")):
        text = subprocess.run(["lz4", "-dcq", segment], check=True, stdout=subprocess.PIPE).stdout
        for line in text.splitlines():
            record = json.loads(line)
            kind = record["event_type"]
            if kind == "product_update":
                if "category" in record:
                    categories[record["sku"]] = record["category"]
                continue
            users.append(record["client_id"])
            seconds.append(record["timestamp"])
            kinds.append(KINDS.index(kind))
            keys.append(record.get("sku", record.get("url", -1)))
    arrays = (np.array(a, dtype=np.int64) for a in (users, seconds, kinds, keys))
    return (*arrays, categories)


def ranks(scores):
    """Mid-ranks from 1."""
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


def auroc(labels, scores):
    labels = np.asarray(labels, dtype=bool)
    positives, negatives = labels.sum(), (~labels).sum()
    if positives == 0 or negatives == 0:
        return float("nan")
    total = ranks(np.asarray(scores, dtype=np.float64))[labels].sum()
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def logistic_scores(features, labels, fold, ridge=1e-3):
    """Scores of each half by a logistic regression fitted to the other one (Newton's method)."""
    x = (features - features.mean(0)) / (features.std(0) + 1e-9)
    x = np.hstack([np.ones((len(x), 1)), x])
    scores = np.zeros(len(x))
    for half in (0, 1):
        fit = fold != half
        weights = np.zeros(x.shape[1])
        for _ in range(25):
            p = 1 / (1 + np.exp(-x[fit] @ weights))
            gradient = x[fit].T @ (labels[fit] - p) - ridge * weights
            hessian = (x[fit] * (p * (1 - p))[:, None]).T @ x[fit] + ridge * np.eye(x.shape[1])
            weights += np.linalg.solve(hessian, gradient)
        scores[fold == half] = x[fold == half] @ weights
    return scores


def reliability(probabilities, labels, groups=10):
    """Rows (mean probability, share that came true, users, z) by groups of equal size."""
    order = np.argsort(probabilities, kind="stable")
    rows = []
    for part in [*np.array_split(order, groups), order]:
        if len(part) == 0:
            continue
        p, y = probabilities[part], labels[part]
        deviation = np.sqrt((p * (1 - p)).sum())
        z = (y.sum() - p.sum()) / max(deviation, 1e-9)
        rows.append((float(p.mean()), float(y.mean()), len(part), float(z)))
    return rows


def window_counts(place, age, kinds, users):
    """[users, 39]: log counts by type and of active days, in six windows, and three rates."""
    columns = []
    days = np.unique(np.stack([place, np.ceil(age).astype(np.int64)], 1), axis=0)
    for window in (3, 7, 14, 28, 56, 1e9):
        active = np.bincount(days[days[:, 1] <= window, 0], minlength=users)
        columns.append(np.log1p(active))
        for kind in range(len(KINDS)):
            near = (age <= window) & (kinds == kind)
            columns.append(np.log1p(np.bincount(place[near], minlength=users)))
    first = np.zeros(users)
    np.maximum.at(first, place, age)
    buys = kinds == KINDS.index("product_buy")
    bought = np.unique(np.stack([place[buys], np.ceil(age[buys]).astype(np.int64)], 1), axis=0)
    bought = np.bincount(bought[:, 0], minlength=users)
    columns += [np.log(bought / active), np.log(active / first.clip(1)), np.log(first + 0.1)]
    return np.stack(columns, 1)


class Truth:
    def __init__(self, directory):
        self.manifest = json.loads((directory / "manifest.json").read_text())
        self.arrays = {}
        for file in self.manifest["files"]:
            array = np.load(directory / file["name"])
            assert list(array.shape) == file["shape"], (file["name"], array.shape)
            assert array.dtype == np.dtype(file["dtype"]), (file["name"], array.dtype)
            self.arrays[file["name"].removesuffix(".npy")] = array

    def __getitem__(self, name):
        return self.arrays[name]

    def affinity(self, rows, day):
        """[len(rows), categories]: P(category | purchase) on a day, as the manifest says."""
        m = self.manifest
        shifted = m.get("shift_day") is not None and day >= m["shift_day"]
        table = self["department_affinity_after" if shifted else "department_affinity"]
        share = self["category_share"][:, 1 if shifted else 0]
        department = self["categories"][:, 1]
        result = (1 - m["favourite_share"]) * table[rows][:, department].astype(float) * share
        place = {c: i for i, c in enumerate(self["categories"][:, 0])}
        row = {c: i for i, c in enumerate(self["client_ids"][rows])}
        current = {}
        favourites = self["favourites"]
        known = np.isin(favourites[:, 0], self["client_ids"][rows]) & (favourites[:, 1] < day)
        for user, _, slot, category in favourites[known].tolist():
            current[user, slot] = category
        for (user, slot), category in current.items():
            weight = m["favourite_weights"][slot] * m["favourite_share"]
            result[row[user], place[category]] += weight
        return result


def churn(truth, index, log, start, end, column):
    users, seconds, kinds, _ = log
    buys = kinds == 4
    past = seconds < start
    asked = np.unique(users[buys & past])
    after = np.unique(users[buys & ~past & (seconds < end)])
    labels = ~np.isin(asked, after)
    rows = np.array([index[user] for user in asked])
    probabilities = truth["churn_probability"][rows, column].astype(float)
    bought = ~np.isnan(truth["churn_probability"][:, column].astype(float))
    assert np.array_equal(np.sort(truth["client_ids"][bought]), asked), "who is asked"
    place = np.searchsorted(asked, users)
    mine = (place < len(asked)) & past
    mine[mine] = asked[place[mine]] == users[mine]
    features = np.zeros((len(asked), 4))
    np.maximum.at(features[:, 0], place[mine], seconds[mine] - seconds.min() + 1)
    np.maximum.at(features[:, 1], place[mine & buys], seconds[mine & buys] - seconds.min() + 1)
    np.add.at(features[:, 2], place[mine], 1)
    np.add.at(features[:, 3], place[mine & buys], 1)
    names = ["recency", "purchase recency", "events", "purchases"]
    scores = {name: auroc(labels, -features[:, i]) for i, name in enumerate(names)}
    age = seconds.max() - seconds.min() + DAY
    features[:, :2] = np.log((start - seconds.min() - features[:, :2]).clip(0) / age + 1e-3)
    features[:, 2:] = np.log(features[:, 2:])
    fold = (asked * 2_654_435_761 >> 16) & 1
    y = labels.astype(float)
    scores["regression on these"] = auroc(labels, logistic_scores(features, y, fold))
    counts = window_counts(place[mine], (start - seconds[mine]) / DAY, kinds[mine], len(asked))
    learned = auroc(labels, logistic_scores(np.hstack([features, counts]), y, fold, ridge=1))
    return {
        "users": len(asked), "churn rate": float(labels.mean()),
        "oracle": auroc(labels, probabilities), "trivial": scores,
        "learned": {"regression on counts by window, too": learned},
        "reliability": reliability(probabilities, y),
    }


def categories(truth, index, log, catalogue, start, end, cutoff_day, sample=3000):
    users, seconds, kinds, keys = log
    buys = kinds == 4
    after = buys & (seconds >= start) & (seconds < end)
    past = seconds < start
    buyers = np.unique(users[after])
    buyers = np.intersect1d(buyers, users[past])[:sample]
    names = truth["categories"][:, 0]
    place = {c: i for i, c in enumerate(names)}
    row = {u: i for i, u in enumerate(buyers)}
    shape = (len(buyers), len(names))
    labels, counts, popularity = np.zeros(shape, bool), np.zeros(shape), np.zeros(len(names))
    products = kinds >= 2
    for u, s, kind, key in zip(*(a[products].tolist() for a in (users, seconds, kinds, keys))):
        column = place[catalogue[key]]
        if s < start and kind == 4:
            popularity[column] += 1
        if u not in row:
            continue
        if s < start:
            counts[row[u], column] += 1
        elif s < end and kind == 4:
            labels[row[u], column] = True
    affinity = truth.affinity(np.array([index[u] for u in buyers]), cutoff_day)
    tied = counts + popularity / (popularity.max() + 1)
    def mean(scores):
        return float(np.mean([auroc(y, s) for y, s in zip(labels, scores) if 0 < y.sum() < len(y)]))
    return {
        "users": len(buyers), "oracle": mean(affinity),
        "trivial": {"popularity": mean(np.broadcast_to(popularity, shape)),
                    "product events by category": mean(tied)},
    }


def judge(directory, cutoff_day):
    truth = Truth(directory / "truth")
    *log, catalogue = events(directory / "log")
    manifest = truth.manifest
    days = manifest["cutoff_days"]
    if cutoff_day is None:
        cutoff_day = [d for d in days if d <= manifest["days"] - manifest["horizon_days"]][-1]
    start = manifest["start_seconds"] + cutoff_day * DAY
    end = start + manifest["horizon_days"] * DAY
    counts = {kind: int((log[2] == i).sum()) for i, kind in enumerate(KINDS)}
    index = {user: i for i, user in enumerate(truth["client_ids"])}
    result = {
        "cutoff_day": cutoff_day, "counts": counts,
        "users": int(len(np.unique(log[0]))),
        "churn": churn(truth, index, log, start, end, days.index(cutoff_day)),
        "categories": categories(truth, index, log, catalogue, start, end, cutoff_day),
    }
    result["faults"] = [
        f"{kind}: {counts[kind]} in the log, {manifest['events'][kind]} in the manifest"
        for kind in KINDS if counts[kind] != manifest["events"][kind]
    ] + [
        f"reliability: {p:.4f} told, {y:.4f} came true, {n} users, z {z:.1f}"
        for p, y, n, z in result["churn"]["reliability"] if abs(z) > 4.5
    ]
    if result["users"] != manifest["users"]:
        result["faults"].append(f"{result['users']} users in the log, {manifest['users']} wanted")
    return result


def show(result):
    churned = result["churn"]
    print(f"cutoff day {result['cutoff_day']}; events {result['counts']}")
    print(f"churn: {churned['users']} past buyers, {churned['churn rate']:.3f} churn")
    print(f"  oracle AUROC {churned['oracle']:.4f}")
    for name, score in (churned["trivial"] | churned["learned"]).items():
        print(f"  {name}: {score:.4f}")
    print("  told   true   users  z")
    for p, y, n, z in churned["reliability"]:
        print(f"  {p:.4f} {y:.4f} {n:6d} {z:5.1f}")
    category = result["categories"]
    print(f"categories: {category['users']} buyers, oracle AUROC {category['oracle']:.4f}")
    for name, score in category["trivial"].items():
        print(f"  {name}: {score:.4f}")
    for fault in result["faults"]:
        print(f"FAULT {fault}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--cutoff-day", type=int)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = judge(arguments.directory, arguments.cutoff_day)
    print(json.dumps(result)) if arguments.json else show(result)
    sys.exit(1 if result["faults"] else 0)


if __name__ == "__main__":
    main()

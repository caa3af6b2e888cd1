"""The challenge's metrics and targets a second time, with numpy alone.

Written from reference/evaluation-protocol.md, without a look at Sources/Evaluation.

    python3 Tests/Golden/evaluation_metrics.py metrics < cases.json
    python3 Tests/Golden/evaluation_metrics.py targets < shop.json

`metrics` reads a list of cases, each `{"batches": [[logits of a user, ...], ...], "labels":
[[0 or 1, ...], ...], "popularity": [...], if any}` with float32 logits, and writes a list of figures.
AUROC is by midranks, everything but the sigmoid (rounded to float32) in float64.

`targets` reads purchases and a catalogue and writes lists, popularities and labels.
"""

import json
import sys

import numpy as np


def sigmoid(x):
    """Of float32, correctly rounded to float32."""
    return (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)


def midranks(x):
    """Ranks from 1, ties share their mean."""
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[inverse]


def auroc(scores, labels):
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        return None
    ranks = midranks(scores)[labels == 1].sum()
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def metrics(case):
    batches = [np.array(b, dtype=np.float32) for b in case["batches"]]
    labels = np.array(case["labels"], dtype=np.int64)
    # torchmetrics: one number outside of [0, 1] and the whole batch goes through the sigmoid.
    ranked = np.concatenate([
        b if np.all((b >= 0) & (b <= 1)) else sigmoid(b) for b in batches])
    areas = [auroc(ranked[:, j], labels[:, j]) for j in range(labels.shape[1])]
    defined = [a for a in areas if a is not None]
    result = {
        "auroc": float(np.mean([0.0 if a is None else a for a in areas])),
        "defined": float(np.mean(defined)) if defined else None,
        "diversity": None, "novelty": None}
    if case.get("popularity") is None:
        return result | {"score": result["auroc"]}
    p = np.concatenate([sigmoid(b) for b in batches]).astype(np.float64)
    users, m = p.shape
    q = p / p.sum(axis=1, keepdims=True)
    entropy = -(q * np.log2(q + 10e-10)).sum(axis=1)
    result["diversity"] = float(entropy.sum() / ((users + 1e-9) * np.log2(m)))
    popularity = np.array(case["popularity"], dtype=np.float64)
    k = min(10, m)
    popularity = popularity / np.sort(popularity)[::-1][:k].sum()
    # Of equal ones the first; torch leaves it open.
    top = np.argsort(-p, axis=1, kind="stable")[:, :k]
    put_first = (np.take_along_axis(p, top, axis=1) * popularity[top]).sum()
    result["novelty"] = float((1 - put_first / (users + 1e-9)) ** 100)
    result["score"] = (
        0.8 * result["auroc"] + 0.1 * result["diversity"] + 0.1 * result["novelty"])
    return result


def targets(shop):
    """From `users` n, `cutoff`, `days`, `limit`, `buys` [[user, seconds, sku], ...] and
    `items` {sku: [category or null, price or null]}."""
    cut, length = shop["cutoff"], shop["days"] * 86400
    windows = [(cut, cut + length), (cut + length, cut + 2 * length)]
    inside = [[b for b in shop["buys"] if w[0] <= b[1] < w[1]] for w in windows]
    before = [b for b in shop["buys"] if b[1] < cut]
    known = {b[2] for b in before}

    def value(task, sku):
        if task in ("propensity_sku", "propensity_new_sku"):
            return sku
        return shop["items"].get(str(sku), [None, None])[0 if task.endswith("category") else 1]

    result = {"active": sorted({b[0] for b in before}), "tasks": {}}
    result["counts"] = [
        [len(w), len({b[0] for b in w}), sum(value("category", b[2]) is None for b in w),
         sum(value("price", b[2]) is None for b in w)] for w in inside]
    for task in ("churn", "conversion"):
        result["tasks"][task] = {"ids": [], "popularity": [], "labels": [
            [[] if u in {b[0] for b in w} else [0] for u in range(shop["users"])]
            for w in inside]}
    for task in ("category", "sku", "new_sku", "price"):
        task = "propensity_" + task
        bought = [value(task, b[2]) for b in inside[0]]
        bought = [v for v in bought if v is not None]
        if task == "propensity_new_sku":
            bought = [v for v in bought if v not in known]
        counts = {v: bought.count(v) for v in set(bought)}
        ids = sorted(counts, key=lambda v: (-counts[v], v))[:shop["limit"]]
        labels = []
        for window in inside:
            of = [set() for _ in range(shop["users"])]
            for user, _, sku in window:
                if value(task, sku) in ids:
                    of[user].add(ids.index(value(task, sku)))
            labels.append([sorted(s) for s in of])
        result["tasks"][task] = {
            "ids": ids, "popularity": [counts[i] for i in ids], "labels": labels}
    return result


if __name__ == "__main__":
    given = json.load(sys.stdin)
    if sys.argv[1] == "metrics":
        answer = [metrics(case) for case in given]
    else:
        answer = targets(given)
    json.dump(answer, sys.stdout)

"""Compares two snapshots with numpy, as `snapshot.diff` does.

Usage: snapshot_diff.py FROM TO LIMIT. Prints one JSON document: users added, removed and in both, and
by part deciles (nearest rank) and means of 1 - cosine and of the distance, and the most moved users.
"""

import json
import sys

import numpy as np

old, new, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])


def load(path):
    with open(f"{path}/manifest.json") as file:
        manifest = json.load(file)
    rows = np.load(f"{path}/embeddings.npy").astype(np.float64)
    return np.load(f"{path}/client_ids.npy"), rows, {
        part["name"]: (part["start"], part["end"]) for part in manifest["parts"]}


def spread(values):
    tenths = np.quantile(values, np.arange(11) / 10, method="inverted_cdf")
    return {"deciles": tenths.tolist(), "mean": float(values.mean())}


(a_ids, a_rows, a_parts), (b_ids, b_rows, b_parts) = load(old), load(new)
both, a_at, b_at = np.intersect1d(a_ids, b_ids, return_indices=True)
parts, cosines = [], []
for name, (start, end) in a_parts.items():
    a = a_rows[a_at, start:end]
    b = b_rows[b_at, slice(*b_parts[name])]
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    product = lengths[0] * lengths[1]
    cosine = np.where(product > 0, 1 - (a * b).sum(1) / np.where(product > 0, product, 1), 1)
    cosine[(lengths[0] == 0) & (lengths[1] == 0)] = 0
    cosines.append(np.clip(cosine, 0, 2))
    distance = np.linalg.norm(a - b, axis=1)
    parts.append({"name": name, "cosine": spread(cosines[-1]), "euclidean": spread(distance)})
mean = np.mean(cosines, axis=0)
total = np.linalg.norm(a_rows[a_at] - b_rows[b_at], axis=1)
order = np.lexsort((both, -mean))[:limit]
print(json.dumps({
    "both": len(both),
    "added": np.setdiff1d(b_ids, a_ids).tolist(),
    "removed": np.setdiff1d(a_ids, b_ids).tolist(),
    "parts": parts,
    "moved": [{"user": int(both[i]), "cosine": mean[i], "euclidean": total[i]} for i in order],
}))

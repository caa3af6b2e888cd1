"""Looks a user up in snapshots with numpy, as `profile.history` does.

Usage: snapshot_history.py USER SNAPSHOT... (directories, oldest first). Prints one JSON document: for each
snapshot whether the user is in it, and by part the norm and the cosine to the snapshot before.
"""

import json
import sys

import numpy as np


def cosine(a, b):
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    if lengths == 0:
        return float(not a.any() and not b.any())
    return float(np.dot(a, b) / lengths)


user, found, before = int(sys.argv[1]), [], None
for path in sys.argv[2:]:
    with open(f"{path}/manifest.json") as file:
        manifest = json.load(file)
    row = np.flatnonzero(np.load(f"{path}/client_ids.npy") == user)
    values = np.load(f"{path}/embeddings.npy")[row].astype(np.float64).ravel()
    parts, columns = [], {}
    for part in manifest["parts"] if values.any() else []:
        name = part["name"]
        columns[name] = values[part["start"]:part["end"]]
        old = before[1].get(name) if before and before[0] == manifest["space"] else None
        parts.append({
            "name": name, "norm": float(np.linalg.norm(columns[name])),
            "cosine": None if old is None or old.shape != columns[name].shape
            else cosine(old, columns[name])})
    found.append({"version": manifest["version"], "known": bool(values.any()), "parts": parts,
                  "values": values.tolist() if values.any() else []})
    before = manifest["space"], columns
print(json.dumps(found))

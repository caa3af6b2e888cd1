#!/usr/bin/env python3
"""The organisers' aggregated-features baseline a second time, with numpy alone.

    python3 Tests/Golden/aggregated_baseline.py RECORDS.ndjson OUT --cutoff SECONDS
        [--first-seen] [--also ID ...]

reads one JSON record a line (docs of the event log) and writes OUT/client_ids.npy and
OUT/embeddings.npy. Written from section 6 of the protocol page; shares no code with
Sources/Evaluation. Rows ascend by client, or stand as the organisers have them; `--also` adds
clients that need no event. Rounding is numpy's own: counts are assigned to float16 arrays, and
the mean query is `np.mean` of a float16 array.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

TYPES = {
    "product_buy": ("sku", "category", "price"),
    "add_to_cart": ("sku", "category", "price"),
    "remove_from_cart": ("sku", "category", "price"),
    "page_visit": ("url",),
}
WINDOWS = (1, 7, 30)
TOP = 10


def read(path, cutoff):
    """{type: [record]} in file order, and {sku: properties} as of the file's end."""
    frames = {name: [] for name in (*TYPES, "search_query")}
    items = {}
    for line in Path(path).read_text().splitlines():
        record = json.loads(line)
        if record["event_type"] == "product_update":
            known = items.setdefault(record["sku"], {})
            known.update({k: record[k] for k in ("category", "price") if k in record})
        elif record["timestamp"] < cutoff:
            frames[record["event_type"]].append(record)
    for name, columns in TYPES.items():
        for record in frames[name]:
            if "category" in columns:
                record.update(items.get(record["sku"], {}))
    return frames


def by_client(records):
    groups = {}
    for record in records:
        groups.setdefault(record["client_id"], []).append(record)
    return groups


def statistics(records, columns):
    """A function from a client's records to its vector."""
    # Counter.most_common sorts stably, so equal counts stay as first seen.
    tops = {
        column: [v for v, _ in Counter(
            r[column] for r in records if column in r).most_common(TOP)]
        for column in columns
    }
    latest = max((r["timestamp"] for r in records), default=0)
    width = 1 + len(WINDOWS) * sum(map(len, tops.values()))

    def vector(mine):
        out = np.zeros(width, dtype=np.float16)
        out[0] = len(mine)
        ordered = np.sort(np.array([r["timestamp"] for r in mine]))
        position = 1
        for days in WINDOWS:
            cut = int(np.searchsorted(ordered, latest - days * 86_400, side="left"))
            window = mine[cut:]
            for column in columns:
                counts = Counter(r.get(column) for r in window)
                for value in tops[column]:
                    out[position] = counts[value]
                    position += 1
        return out

    return vector, width


def mean_query(mine):
    queries = [r["query"] for r in mine if "query" in r]
    if not queries:
        return np.zeros(16, dtype=np.float16)
    return np.mean(np.array(queries, dtype=np.float16), axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records")
    parser.add_argument("out", type=Path)
    parser.add_argument("--cutoff", type=int, required=True)
    parser.add_argument("--first-seen", action="store_true")
    parser.add_argument("--also", type=int, nargs="*", default=[])
    arguments = parser.parse_args()
    frames = read(arguments.records, arguments.cutoff)
    groups = {name: by_client(records) for name, records in frames.items()}
    order = []
    for name in frames:
        order += [c for c in sorted(groups[name]) if c not in set(order)]
    order += sorted(set(arguments.also) - set(order))
    if not arguments.first_seen:
        order.sort()
    blocks = []
    with np.errstate(over="ignore"):
        for name, columns in TYPES.items():
            vector, width = statistics(frames[name], columns)
            zeros = np.zeros(width, dtype=np.float16)
            blocks.append([vector(groups[name][c]) if c in groups[name] else zeros for c in order])
    blocks.append([mean_query(groups["search_query"].get(c, [])) for c in order])
    rows = [np.concatenate(parts) for parts in zip(*blocks)]
    embeddings = np.stack(rows)
    assert embeddings.dtype == np.float16
    arguments.out.mkdir()
    np.save(arguments.out / "client_ids.npy", np.array(order, dtype=np.int64))
    np.save(arguments.out / "embeddings.npy", embeddings)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What `ubpd import` must write for a table, computed without any of its code.

    import_table.py FILE[.lz4] [--map NAME=EVENT]... [--records FILE] [--dictionary FILE]

Prints counts and the CRC-32 (zlib) of all records and of the dictionary. The golden numbers of
Tests/ImportTests come from it; docs/import.md says the rules that are computed here.
"""
import argparse
import bisect
import calendar
import csv
import io
import json
import math
import re
import subprocess
import time
import zlib
from decimal import Decimal

MASK = (1 << 64) - 1
TYPES = ["page_visit", "search_query", "add_to_cart", "remove_from_cart", "product_buy"]


def mix(z):
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def text_hash(text):
    h = mix(len(text))
    for i in range(0, len(text), 8):
        rotated = (h << 23 | h >> 41) & MASK
        h = mix(h ^ int.from_bytes(text[i : i + 8], "little")) ^ rotated
    return mix((h + 0x9E3779B97F4A7C15) & MASK)


def vector(text):
    numbers = re.fullmatch(r"\[([0-9 ,]*)\]", text)
    if numbers:
        values = [int(n) for n in re.split("[ ,]+", numbers.group(1).strip(" ,"))]
        if len(values) == 16 and max(values) <= 255:
            return values
    sums, found = [0] * 16, False
    for word in re.findall(rb"[A-Za-z0-9\x80-\xff]+", text.encode()):
        found, h = True, text_hash(bytes(b | 32 if 65 <= b <= 90 else b for b in word))
        for i in range(16):
            sums[i] += [-1, 0, 0, 1][h >> 2 * i & 3]
    norm = math.sqrt(sum(s * s for s in sums))
    if not found:
        return None
    return [min(255, math.floor(127.5 + 127.5 * s / norm + 0.5)) if norm else 128 for s in sums]


class Dictionary:
    def __init__(self):
        self.texts = {}

    def enter(self, text, kind):
        if re.fullmatch("0|-?[1-9][0-9]*", text) and -(2**63) <= int(text) < 2**62:
            return int(text)
        number = re.fullmatch("[1-9][0-9]*", text) and int(text) < 2**63
        id = int(text) if number else 2**62 + text_hash(text.encode()) // 4
        assert self.texts.setdefault((kind, id), text) == text
        return id

    def bytes(self):
        escape = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
        lines = (
            f"{kind}\t{id}\t" + "".join(escape.get(c, c) for c in text)
            for (kind, id), text in sorted(self.texts.items())
        )
        return "".join(line + "\n" for line in lines).encode()


def dump(record):
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--map", action="append", default=[])
    parser.add_argument("--records")
    parser.add_argument("--dictionary")
    options = parser.parse_args()
    if options.file.endswith(".lz4"):
        data = subprocess.run(["lz4", "-dqc", options.file], check=True, capture_output=True).stdout
    else:
        data = open(options.file, "rb").read()
    mapping = dict(m.rsplit("=", 1) for m in options.map)
    rows, dictionary, pairs, vectors = [], Dictionary(), set(), {}
    for row in csv.DictReader(io.StringIO(data.decode(), newline="")):
        kind = mapping.get(row["event_type"], row["event_type"])
        if kind == "drop":
            continue
        assert kind in TYPES
        stamp = calendar.timegm(time.strptime(row["timestamp"], "%Y-%m-%d %H:%M:%S"))
        out = {"user": dictionary.enter(row["client_id"], "user"), "seconds": stamp, "kind": kind}
        text = None
        if kind == "page_visit":
            out["key"] = dictionary.enter(row["url"], "url")
        elif kind == "search_query":
            text = row["query"]
        else:
            out["key"] = dictionary.enter(row["sku"], "item")
            if row["category"]:
                out["category"] = dictionary.enter(row["category"], "category")
            if row["price"]:
                out["price"] = Decimal(row["price"])
                pairs.add((out["key"], out["price"]))
            text = row["name"]
        if text:
            if text not in vectors:
                vectors[text] = vector(text)
            out["vector"] = vectors[text]
        rows.append(out)
    rows.sort(key=lambda row: row["seconds"])
    prices = sorted(price for _, price in pairs)
    counts, updates, used, known, crc = {}, 0, set(), {}, 0
    records = open(options.records, "wb") if options.records else None

    def write(record):
        nonlocal crc
        line = dump(record)
        crc = zlib.crc32(line, crc)
        if records:
            records.write(line)

    for row in rows:
        kind = row["kind"]
        if kind not in ("page_visit", "search_query"):
            facts = {}
            if "category" in row:
                facts["category"] = row["category"]
            if "price" in row:
                below = bisect.bisect_left(prices, row["price"])
                facts["price"] = min(99, 100 * below // len(prices))
                used.add(facts["price"])
            if row.get("vector"):
                facts["name"] = row["vector"]
            entry = known.setdefault(row["key"], {})
            news = {k: v for k, v in facts.items() if entry.get(k) != v}
            if news:
                entry.update(news)
                updates += 1
                head = {"timestamp": row["seconds"], "event_type": "product_update"}
                write(head | {"sku": row["key"]} | news)
        record = {"client_id": row["user"], "timestamp": row["seconds"], "event_type": kind}
        if kind == "page_visit":
            record["url"] = row["key"]
        elif kind == "search_query":
            if row.get("vector"):
                record["query"] = row["vector"]
        else:
            record["sku"] = row["key"]
        write(record)
        counts[kind] = counts.get(kind, 0) + 1
    if options.dictionary:
        open(options.dictionary, "wb").write(dictionary.bytes())
    print(
        json.dumps(
            {
                "events": counts,
                "catalogue_updates": updates,
                "dictionary_ids": len(dictionary.texts),
                "price_pairs": len(pairs),
                "price_buckets": len(used),
                "text_vectors": sum(v is not None for v in vectors.values()),
                "records_crc32": crc,
                "dictionary_crc32": zlib.crc32(dictionary.bytes()),
            }
        )
    )


if __name__ == "__main__":
    main()

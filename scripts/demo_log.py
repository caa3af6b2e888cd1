#!/usr/bin/env python3
"""Writes a small, seeded log of a made-up shop to standard output, one JSON record a line.

Some 300 users over 30 days, all six record types, visits in bursts, searches with and without a
query, late and duplicate events, and a few bad records. Standard library only. For `make demo`
on a machine without the real data, and for tests.

    demo_log.py --seed 1 | lz4 -c > 00000000000000000001.ndjson.lz4
"""

import argparse
import json
import math
import random
import sys

START = 1_764_547_200  # 2025-12-01 00:00:00 UTC, a Monday
DAY = 86_400
ITEMS, CATEGORIES, URLS, QUERIES = 400, 25, 600, 80


class Shop:
    """Items with categories, prices and names; queries that look like names."""

    def __init__(self, random_source):
        self.random = random_source
        self.themes = [[random_source.randrange(256) for _ in range(16)] for _ in range(12)]
        self.items = [self.made_item(i) for i in range(ITEMS)]
        self.queries = [self.text() for _ in range(QUERIES)]

    def text(self):
        theme = self.random.choice(self.themes)
        return [min(255, max(0, x + round(self.random.gauss(0, 12)))) for x in theme]

    def made_item(self, i):
        update = {"event_type": "product_update", "sku": 1_000_000_007 * (i + 1)}
        if i % 40 != 39:
            update["category"] = self.random.randrange(CATEGORIES)
        if i % 50 != 49:
            update["price"] = min(99, int(self.random.expovariate(1 / 30)))
        if i % 45 != 44:
            update["name"] = self.text()
        return update

    def popular(self, count):
        """An index below `count`, Zipf-like."""
        return min(count - 1, int(count ** self.random.random()) - 1)


def visit_burst(shop, user, t, out):
    """A few pages, perhaps a search, perhaps something for the cart and a purchase."""
    r = shop.random
    for _ in range(1 + int(r.expovariate(1 / 4))):
        url = 77_000_000_000 + shop.popular(URLS)
        out.append({"client_id": user, "timestamp": t, "event_type": "page_visit", "url": url})
        t += 5 * int(1 + r.expovariate(1 / 12))
    if r.random() < 0.25:
        for _ in range(r.randint(1, 3)):
            search = {"client_id": user, "timestamp": t, "event_type": "search_query"}
            if r.random() < 0.95:
                search["query"] = shop.queries[shop.popular(QUERIES)]
            out.append(search)
            t += 5 * r.randint(1, 30)
    if r.random() < 0.3:
        t = basket(shop, user, t, out)
    return t


def basket(shop, user, t, out):
    """Cart additions; some are removed, some bought a while later, all at one time."""
    r = shop.random
    skus = [shop.items[shop.popular(ITEMS)]["sku"] for _ in range(r.randint(1, 5))]
    for sku in skus:
        out.append(product(user, t, "add_to_cart", sku))
        t += 5 * r.randint(0, 40)
    for sku in skus:
        if r.random() < 0.2:
            out.append(product(user, t, "remove_from_cart", sku))
    if r.random() < 0.5:
        t += 5 * r.randint(2, 400)
        out.extend(product(user, t, "product_buy", sku) for sku in skus)
    return t


def product(user, t, event_type, sku):
    return {"client_id": user, "timestamp": t, "event_type": event_type, "sku": sku}


def user_events(shop, user):
    r = shop.random
    out = []
    for _ in range(1 + int(math.exp(r.gauss(1.2, 1.1)))):
        t = START + r.randrange(30) * DAY + int(r.triangular(7, 24, 19) * 3600) // 5 * 5
        visit_burst(shop, user, min(t, START + 30 * DAY - 7200), out)
    return out


def disturbed(events, r):
    """The order of delivery, with delays, event ids and repeats."""
    delivered = []
    for n, event in enumerate(events):
        if r.random() < 0.3:
            event["event_id"] = f"e{n}"
        delay = 0.0
        if r.random() < 0.05:
            delay = r.uniform(0, 290)  # in order again before it is folded
        elif r.random() < 0.01:
            delay = r.uniform(600, 7200)  # too late for that
        delivered.append((event["timestamp"] + delay, n, event))
        if "event_id" in event and r.random() < 0.03:
            delivered.append((event["timestamp"] + delay + r.uniform(0, 60), n, event))
    delivered.sort(key=lambda d: d[:2])
    return [d[2] for d in delivered]


def bad_lines(r):
    """What producers get wrong; each is set aside with its reason."""
    good = {"client_id": 1, "timestamp": START, "event_type": "product_buy", "sku": 1}
    lines = [json.dumps(good)[:-9], "not json at all", json.dumps(good | {"sku": "x1"}),
             json.dumps(good | {"timestamp": "2025-13-01 00:00:00"}),
             json.dumps(good | {"event_type": "wink"}), json.dumps({"event_type": "page_visit"}),
             json.dumps(good | {"event_type": "search_query", "query": [1, 2, 3]}),
             json.dumps(good | {"timestamp": -5})]
    r.shuffle(lines)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--users", type=int, default=300)
    options = parser.parse_args()
    r = random.Random(options.seed)
    shop = Shop(r)
    events = []
    for n in range(options.users):
        events += user_events(shop, 1000 + 7 * n)
    events.sort(key=lambda e: e["timestamp"])
    delivered = disturbed(events, r)
    # One clock is wrong by two years: its event waits for others to agree, which nobody does.
    wrong = product(1000, START + 800 * DAY, "product_buy", shop.items[0]["sku"])
    lines = [json.dumps(e, separators=(",", ":")) for e in delivered]
    lines.insert(len(lines) // 2, json.dumps(wrong, separators=(",", ":")))
    for line in [*bad_lines(r), ""]:
        lines.insert(r.randrange(len(lines) // 10, len(lines)), line)
    # Prices change once, in the middle; other fields keep what they were.
    for item in shop.items[::20]:
        change = {"event_type": "product_update", "sku": item["sku"], "price": r.randrange(100)}
        lines.insert(len(lines) // 2, json.dumps(change, separators=(",", ":")))
    catalogue = [json.dumps(item, separators=(",", ":")) for item in shop.items]
    sys.stdout.write("\n".join(catalogue + lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

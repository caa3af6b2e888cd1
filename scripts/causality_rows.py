"""What `causality.py` trains on: both systems' rows of every user at a cutoff, and labels.

Everything is made of the events before the cutoff alone: what is frozen, too.
"""

import copy
import os
import sys
import types
from collections import Counter

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Golden"))

from golden_fit import fitted_tables
from golden_log import BUY, admitted, ordered
from golden_profile import end_row, statistics
from golden_published import Window, fitted_scalers, week_of
from golden_rows import Shop, UserFold, finished, raw_rows, rows_of

WIDTH = 64
DAY = 86_400
CUTS_APART = 28 * DAY
TARGET = 14 * DAY


def usual_cutoff(log):
    """Midnight 27 days before the last purchase (docs/evaluation.md)."""
    return (max(e.t for e in log.events if e.kind == BUY) // DAY - 27) * DAY


def centroids_before(log, before):
    """KMeans of the names of the items and of the distinct queries met before a time."""
    from sklearn.cluster import KMeans

    names = {e.key: e.name for e in log.events if e.t < before and e.name >= 0}
    queries = {e.query for e in log.events if e.t < before and e.query >= 0}
    result = []
    for texts, numbers in ((log.names, [names[k] for k in sorted(names)]),
                           (log.queries, sorted(queries))):
        vectors = np.array([texts.vectors[n] for n in numbers], np.float64)
        k = min(100, len(set(map(bytes, vectors.astype(np.uint8)))))
        result.append(KMeans(k, n_init=1, random_state=42).fit(vectors).cluster_centers_
                      if k else None)
    return result


def most_bought(events, key, count):
    bought = Counter(key(e) for e in events if e.kind == BUY and key(e) is not None)
    return [k for k, _ in sorted(bought.items(), key=lambda item: (-item[1], item[0]))[:count]]


class Cut:
    """All that happened before a time, folded, with the statistics that are frozen at it."""

    def __init__(self, log, before, centroids, settings):
        self.before, self.settings = before, settings
        past = copy.copy(log)
        past.events = [e for e in log.events if e.t < before]
        past.counters = dict(log.counters)
        self.targets = {"category": most_bought(past.events, lambda e: e.category, 100),
                        "sku": most_bought(past.events, lambda e: e.key, 100)}
        frozen = types.SimpleNamespace(
            name_centroids=centroids[0], query_centroids=centroids[1],
            top_items=set(most_bought(past.events, lambda e: e.key, 150)),
            top_categories=set(most_bought(past.events, lambda e: e.category, 150)))
        arrived = admitted(past, settings)
        self.folded = {u: ordered(arrived[u], past.counters, settings) for u in sorted(arrived)}
        self.users = list(self.folded)
        self.shop = Shop(past, frozen)
        self.rows = {u: rows_of(self.folded[u], settings, self.shop) for u in self.users}
        frozen.tables = fitted_tables(self.folded, self.rows, self.shop)
        every = [r for u in self.users for r in self.rows[u]]
        self.raw = raw_rows(every, self.shop)
        self.times = np.array([r.t for r in every])
        self.bounds = np.concatenate([[0], np.cumsum([len(self.rows[u]) for u in self.users])])
        self.published = Window(self.folded, self.rows, self.shop, settings)

    def scalers(self):
        return fitted_scalers(*self.raw)

    def causal(self, scalers, weighted=False):
        """`[n, 64]` float32, as the encoders read them; `weighted` by the age at the cut, as the
        published system weighs its own."""
        rows = finished(*self.raw, scalers).astype(np.float32)
        if weighted:
            age = np.maximum(0, (self.published.end - self.times) // DAY)
            rows *= np.exp(-0.06 * age / 7)[:, None].astype(np.float32)
        return rows

    def ends(self, scalers):
        """END of each user at the cut, `[users, 64]` (rows.md section 7)."""
        rows = []
        for user in self.users:
            weeks = Counter(week_of(r.t) for r in self.rows[user])
            first = next(t for _, t, late in self.folded[user] if not late)
            seen = types.SimpleNamespace(first=first, weeks=weeks)
            rows.append(end_row(seen, self.folded[user], scalers, self.before))
        return np.array(rows, np.float32)

    def stats(self):
        """The part `stats` of each user, `[users, 48]`, to a deviation of 1 (decision 14)."""
        rows = []
        for folded in self.folded.values():
            user = UserFold(self.settings, self.shop)
            for event in folded:
                user.fold(*event)
            user.close_all()
            rows.append(statistics(user, folded, self.shop, self.before))
        x = np.array(rows)
        deviation = x.std(0)
        return np.clip((x - x.mean(0)) / np.where(deviation > 1e-6, deviation, 1), -10, 10)

    def sequences(self, rows, limit, ends=None):
        """Each user's last `limit` rows, of either system, and END behind them."""
        rows = np.pad(rows, ((0, 0), (0, WIDTH - rows.shape[1])))
        result = []
        for i, (a, b) in enumerate(zip(self.bounds, self.bounds[1:])):
            part = rows[max(a, b - limit):b]
            result.append(part if ends is None else np.vstack([part, ends[i]]))
        return result

    def labels(self, log):
        """Of the 14 days after the cut: churn, categories, items, each `[users, labels]`."""
        number = {u: i for i, u in enumerate(self.users)}
        result = [np.ones((len(self.users), 1), np.float32)]
        places = {}
        for name in ("category", "sku"):
            places[name] = {k: j for j, k in enumerate(self.targets[name])}
            result.append(np.zeros((len(self.users), len(places[name])), np.float32))
        for e in log.events:
            if e.kind == BUY and self.before <= e.t < self.before + TARGET and e.user in number:
                i = number[e.user]
                result[0][i] = 0
                for task, name, key in ((1, "category", e.category), (2, "sku", e.key)):
                    if key in places[name]:
                        result[task][i, places[name][key]] = 1
        return result

"""The rows of the published system, whole-window counts and all: docs/quality.md says why.

The same rows as golden_rows.py folds, one for one, with the same statistics of the shop; what
differs is what no stream can know: counts of the user over the whole window on every row, sessions
at their start, weeks counted back from the end of the data, and the weight of that end.
"""

import dataclasses
import math
from collections import Counter, defaultdict

import numpy as np

from golden_fit import TREATMENTS, Likelihood, best_power, entropy
from golden_log import ADD, BUY, REMOVE, SEARCH, VISIT
from golden_rows import (LANE, PRODUCT_ROW, SEARCH_ROW, VISIT_ROW, ZEROS, psi, rate, raw_rows,
                         scaled)

WIDTH = 59
WEEKS = 21
DECAY_PER_WEEK = 0.06


def week_of(t):
    return (t // 86_400 + 3) // 7


def weight(t, end):
    """exp(−0.06 · weeks), of whole days before the newest row of the data."""
    return math.exp(-DECAY_PER_WEEK * ((end - t) // 86_400) / 7)


def placed(rows):
    """A user's rows where the published system has them: sessions at their start, late events at
    their own time; ties by type, then as they were folded."""
    moved = [dataclasses.replace(r, t=r.session.start if r.session else r.event.t, values=ZEROS[:])
             for r in rows]
    return sorted(moved, key=lambda r: (r.t, r.kind))


class Totals:
    """What one user has done in the whole window."""

    def __init__(self, events, rows, shop):
        self.kinds = Counter()
        self.items, self.categories, self.clusters = (
            defaultdict(lambda: [0, 0, 0]) for _ in range(3))
        self.urls, self.queries, self.query_clusters = Counter(), Counter(), Counter()
        for event, _, _ in events:
            self.kinds[event.kind] += 1
            if event.kind == VISIT:
                self.urls[event.key] += 1
            elif event.kind == SEARCH:
                if event.query >= 0:
                    self.queries[event.query] += 1
                    self.query_clusters[shop.query_cluster[event.query]] += 1
            else:
                lane = LANE[event.kind]
                self.items[event.key][lane] += 1
                if event.category is not None:
                    self.categories[event.category][lane] += 1
                if event.name >= 0:
                    self.clusters[shop.name_cluster[event.name]][lane] += 1
        first = [r.session.query for r in rows if r.table == SEARCH_ROW and r.session.query >= 0]
        self.entropies = [entropy([sum(n) for n in table.values()])
                          for table in (self.items, self.clusters, self.categories)]
        self.search_entropies = [
            entropy(list(Counter(first).values())),
            entropy(list(Counter(shop.query_cluster[q] for q in first).values()))]
        self.weeks = Counter(week_of(r.t) for r in rows)

    def fill_product(self, v, event, shop):
        item = self.items[event.key]
        v[8:11], v[11:14] = item, self.entropies
        v[14] = rate(item[0], item[1])
        v[15] = rate(self.kinds[BUY], self.kinds[ADD])
        v[17:20] = self.kinds[BUY], self.kinds[ADD], self.kinds[REMOVE]
        if event.name >= 0:
            v[21:24] = self.clusters[shop.name_cluster[event.name]]
        if event.category is not None:
            category = self.categories[event.category]
            v[33:36], v[37] = category, rate(category[0], category[1])

    def fill_visit(self, v, session, newest):
        v[8], v[9] = self.urls[session.key], self.kinds[VISIT]
        v[16:16 + WEEKS] = [self.weeks[newest - age] for age in range(WEEKS)]

    def fill_search(self, v, session, shop):
        v[9], v[10:12] = self.kinds[SEARCH], self.search_entropies
        if session.query >= 0:
            v[8] = self.queries[session.query]
            v[14] = self.query_clusters[shop.query_cluster[session.query]]


def nearby(v, row, tail, at):
    """Count, flags and duration, which both systems take of the whole session."""
    near = [n for n in row.session.nearby if n[0] <= row.session.last + tail]
    flags = float(any(n[1] for n in near)), float(any(n[2] for n in near))
    v[at["flags"]], v[at["flags"] + 1] = flags
    v[at["count"]], v[at["length"]] = len(near), row.session.last - row.session.start


VISIT_PLACES = {"flags": 12, "count": 14, "length": 15}
SEARCH_PLACES = {"flags": 17, "count": 19, "length": 20}


class Window:
    """All users' published rows before scaling.

    `raw` is `[n, 64]`, users in ascending order, `bounds` where each one's rows begin and end."""

    def __init__(self, folded, rows, shop, settings):
        self.users = sorted(folded)
        moved = {u: placed(rows[u]) for u in self.users}
        self.end = max(r.t for u in self.users for r in moved[u])
        newest = week_of(self.end)
        self.weeks, every = [], []
        for user in self.users:
            totals = Totals(folded[user], moved[user], shop)
            self.weeks.append([totals.weeks[newest - age] for age in range(WEEKS)])
            for row in moved[user]:
                if row.table == PRODUCT_ROW:
                    totals.fill_product(row.values, row.event, shop)
                elif row.table == VISIT_ROW:
                    totals.fill_visit(row.values, row.session, newest)
                    nearby(row.values, row, settings.tail, VISIT_PLACES)
                else:
                    totals.fill_search(row.values, row.session, shop)
                    nearby(row.values, row, settings.tail, SEARCH_PLACES)
            every += moved[user]
        counts = [len(moved[u]) for u in self.users]
        self.bounds = np.concatenate([[0], np.cumsum(counts)])
        self.raw, self.tables = raw_rows(every, shop)
        self.weights = np.array([weight(r.t, self.end) for r in every])

    def scalers(self, power):
        """Of each kind of row and position, fitted on these very rows; `power` is whether counts
        get Yeo-Johnson first. Week columns always do, and count a user once."""
        result = {}
        for table, treatments in TREATMENTS.items():
            part = self.raw[self.tables == table]
            wanted = {p: t for t, positions in treatments.items() for p in positions if p < WIDTH}
            if not power:
                wanted = {p: "rate" if t == "count" else t for p, t in wanted.items()}
            result[table] = [scaler_of(part[:, p], wanted.get(p, "direct")) for p in range(WIDTH)]
        for age in range(WEEKS):
            column = np.array(self.weeks, np.float64)[:, age]
            result[VISIT_ROW][16 + age] = scaler_of(column, "count")
        return result

    def finished(self, power, columns, weighted=True):
        """`[n, 59]` float32: scaled, −1 where a kind of row has nothing, then weighted.

        `columns` is the number of week columns: 17 for the multi-task networks, 21 for SRA."""
        scalers = self.scalers(power)
        out = np.full((len(self.raw), WIDTH), -1.0)
        last = {PRODUCT_ROW: WIDTH, VISIT_ROW: 16 + columns, SEARCH_ROW: 37}
        for table, end in last.items():
            at = np.flatnonzero(self.tables == table)
            for position in range(end):
                x = self.raw[at, position]
                out[at, position] = np.nan_to_num(scaled(x, scalers[table][position]))
        if weighted:
            out *= self.weights[:, None]
        return out.astype(np.float32)


def scaler_of(x, treatment):
    """The scaler of one position's values; NaN is none."""
    x = x[~np.isnan(x)]
    if treatment == "direct" or len(x) == 0:
        return {"treatment": "direct"}
    power = 1.0
    if treatment == "count" and x.min() < x.max():
        power = best_power(Likelihood(x))
    low, high = (float(psi(np.array(v), treatment, power)) for v in (x.min(), x.max()))
    return {"treatment": treatment, "lambda": power, "low": low, "high": high}


def fitted_scalers(raw, tables):
    """Ours (rows.md section 5), over the rows of all users."""
    result = {}
    for table, treatments in TREATMENTS.items():
        part = raw[tables == table]
        wanted = {p: t for t, positions in treatments.items() for p in positions}
        result[table] = [scaler_of(part[:, p], wanted.get(p, "direct")) for p in range(64)]
        for p in wanted:
            if len(part) == 0:
                result[table][p] = {"treatment": wanted[p], "lambda": 1.0, "low": 0.0, "high": 0.0}
    return result

"""rows.md sections 2 to 4: one user's events to rows, in plain Python and numpy Float64."""

import math
from dataclasses import dataclass, field

import numpy as np

from golden_log import ADD, BUY, REMOVE, SEARCH, VISIT

PRODUCT_ROW, VISIT_ROW, SEARCH_ROW = "product", "visit", "search"
LANE = {BUY: 0, ADD: 1, REMOVE: 2, VISIT: 0, SEARCH: 0}
ONE_HOT = {BUY: 0, ADD: 1, REMOVE: 2, VISIT: 3, SEARCH: 4}
ZEROS = [0.0] * 64
MASK = (1 << 64) - 1


def n_log_n(n):
    return n * math.log2(n) if n > 1 else 0.0


class Counts:
    """A bounded table of a user: key → [buys, adds, removes, entropy weight]."""

    def __init__(self, limit):
        self.limit = limit
        self.table = {}
        self.total = 0
        self.sum = 0.0
        self.weighted = 0

    def of(self, key):
        entry = self.table.get(key)
        if entry is None:
            if len(self.table) >= self.limit:
                least = min(self.table, key=lambda k: (
                    self.table[k][3], sum(self.table[k][:3]), k))
                weight = self.table.pop(least)[3]
                self.total -= weight
                self.sum -= n_log_n(weight)
                self.weighted -= weight > 0
            entry = self.table[key] = [0, 0, 0, 0]
        return entry

    def count(self, key, lane, weight):
        entry = self.of(key)
        entry[lane] += 1
        if weight:
            self.weigh(key)
        return entry

    def weigh(self, key):
        entry = self.of(key)
        self.sum += n_log_n(entry[3] + 1) - n_log_n(entry[3])
        self.weighted += entry[3] == 0
        entry[3] += 1
        self.total += 1

    def peek(self, key):
        return self.table.get(key, (0, 0, 0, 0))

    def entropy(self):
        if self.weighted <= 1:
            return 0.0
        return math.log2(self.total) - self.sum / self.total


def rate(buys, adds):
    if adds == 0:
        return 1.0 if buys > 0 else 0.0
    return buys / adds


@dataclass
class Session:
    key: int
    query: int
    start: int
    last: int
    nearby: list = field(default_factory=list)


@dataclass
class Row:
    """A row before the frozen columns and the scaling."""

    __slots__ = ("kind", "table", "t", "late", "values", "event", "session", "gap", "age")
    kind: int
    table: str
    t: int
    late: bool
    values: list
    event: object
    session: object
    gap: int
    age: int


class UserFold:
    """Folds one user; `clusters` are the clusters of names and queries by their numbers."""

    def __init__(self, settings, shop):
        self.settings, self.shop = settings, shop
        limit = settings.table_keys
        self.items, self.categories, self.name_clusters = (Counts(limit) for _ in range(3))
        self.urls, self.queries, self.query_clusters = (Counts(limit) for _ in range(3))
        self.totals = [0] * 5
        self.open = {VISIT: None, SEARCH: None}
        self.weeks = {}
        self.rows = []
        self.first = None
        self.previous = None

    # Sessions

    def accepts(self, session, t):
        s = self.settings
        if t - session.start > s.max_duration:
            return False
        return t - (session.last if s.rule == "inactivity" else session.start) <= s.gap

    def close_before(self, kind, t):
        closing = []
        for table, session in self.open.items():
            if session is None:
                continue
            end = session.last + self.settings.gap
            if table == kind:
                if not self.accepts(session, t):
                    closing.append((min(t, end), table))
            elif end < t or (end == t and table < kind):
                closing.append((end, table))
        for c, table in sorted(closing):
            self.close(table, c)

    def close(self, table, c):
        session, self.open[table] = self.open[table], None
        self.commit_session(table, session, c, late=False)

    def close_all(self):
        """What a read does last."""
        ends = sorted((s.last + self.settings.gap, table)
                      for table, s in self.open.items() if s is not None)
        for c, table in ends:
            self.close(table, c)

    # Events

    def fold(self, event, t, late):
        kind = event.kind
        if not late:
            self.close_before(kind, t)
            if self.first is None:
                self.first = t
        self.totals[kind] += 1
        if kind == VISIT:
            self.urls.count(event.key, 0, False)
        elif kind == SEARCH:
            if event.query >= 0:
                self.queries.count(self.shop.query_keys[event.query], 0, False)
                cluster = self.shop.query_cluster[event.query]
                if cluster >= 0:
                    self.query_clusters.count(cluster, 0, False)
        else:
            self.commit_product(event, t, late)
            return
        if late:
            session = Session(event.key, event.query, t, t)
            self.commit_session(kind, session, t, late=True)
        elif self.open[kind] is not None:
            self.open[kind].last = t
        else:
            self.open[kind] = Session(event.key, event.query, t, t)

    def commit_product(self, event, t, late):
        lane = LANE[event.kind]
        item = self.items.count(event.key, lane, True)
        category, cluster = (0, 0, 0), (0, 0, 0)
        if event.category is not None:
            category = self.categories.count(event.category, lane, True)
        name_cluster = self.shop.name_cluster[event.name] if event.name >= 0 else -1
        if name_cluster >= 0:
            cluster = self.name_clusters.count(name_cluster, lane, True)
        v = ZEROS[:]
        v[8], v[9], v[10] = item[:3]
        v[11] = self.items.entropy()
        v[12] = self.name_clusters.entropy()
        v[13] = self.categories.entropy()
        v[14] = rate(item[0], item[1])
        v[15] = rate(self.totals[BUY], self.totals[ADD])
        v[17], v[18], v[19] = self.totals[BUY], self.totals[ADD], self.totals[REMOVE]
        v[21], v[22], v[23] = cluster[:3]
        v[33], v[34], v[35] = category[:3]
        v[37] = rate(category[0], category[1])
        self.commit(event.kind, PRODUCT_ROW, t, late, v, event, None)
        if late:
            return
        top = (event.key in self.shop.top_items, event.category in self.shop.top_categories)
        for session in self.open.values():
            if session is not None:
                session.nearby.append((t, *top))

    def commit_session(self, table, session, c, late):
        nearby = [n for n in session.nearby if n[0] <= session.last + self.settings.tail]
        flags = float(any(n[1] for n in nearby)), float(any(n[2] for n in nearby))
        length = float(session.last - session.start)
        v = ZEROS[:]
        if table == VISIT:
            v[8] = self.urls.peek(session.key)[0]
            v[9] = self.totals[VISIT]
            v[12], v[13] = flags
            v[14], v[15] = len(nearby), length
            self.commit(VISIT, VISIT_ROW, c, late, v, None, session)
            return
        if session.query >= 0:
            key = self.shop.query_keys[session.query]
            cluster = self.shop.query_cluster[session.query]
            self.queries.weigh(key)
            v[8] = self.queries.peek(key)[0]
            if cluster >= 0:
                self.query_clusters.weigh(cluster)
                v[14] = self.query_clusters.peek(cluster)[0]
        v[9] = self.totals[SEARCH]
        v[10], v[11] = self.queries.entropy(), self.query_clusters.entropy()
        v[17], v[18] = flags
        v[19], v[20] = len(nearby), length
        self.commit(SEARCH, SEARCH_ROW, c, late, v, None, session)

    def commit(self, kind, table, t, late, v, event, session):
        week = (t // 86_400 + 3) // 7
        self.weeks[week] = self.weeks.get(week, 0) + 1
        if table == VISIT_ROW:
            for age in range(17):
                v[16 + age] = self.weeks.get(week - age, 0)
        gap = 0 if late or self.previous is None else t - self.previous
        self.previous = t
        self.rows.append(Row(kind, table, t, late, v, event, session, gap, t - self.first))


def rows_of(events, settings, shop):
    """The rows a read gives: everything folded, then the open sessions closed."""
    user = UserFold(settings, shop)
    for event, t, late in events:
        user.fold(event, t, late)
    user.close_all()
    return user.rows


def query_key(vector):
    """rows.md section 6: a query's key, a mix of its 16 bytes."""
    data = bytes(vector)
    low, high = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little")
    z = (low * 0x9E3779B97F4A7C15 & MASK) ^ (high + 0xD1B54A32D192ED03 & MASK)
    z = (z ^ z >> 32) * 0xD6E8FEB86659FD93 & MASK
    z ^= z >> 32
    z = (z ^ high) * 0xD6E8FEB86659FD93 & MASK
    key = z ^ z >> 32
    return key - (1 << 64) if key >> 63 else key


def nearest(vectors, centroids):
    """Index of the nearest centroid by squared Euclidean distance; the lowest at ties.

    A space that was fitted without such vectors has no centroids, and its vectors no cluster: -1.
    """
    if centroids is None:
        return [-1] * len(vectors)
    x, c = np.array(vectors, np.float64), centroids.astype(np.float64)
    result = []
    for start in range(0, len(x), 256):
        part = x[start:start + 256, None, :] - c[None, :, :]
        result += np.argmin((part * part).sum(axis=2), axis=1).tolist()
    return result


class Shop:
    """What is frozen: clusters, tables and top lists, keyed for the fold."""

    def __init__(self, log, frozen):
        self.frozen = frozen
        self.name_vectors = np.array(log.names.vectors or [[0] * 16], np.float64)
        self.query_vectors = np.array(log.queries.vectors or [[0] * 16], np.float64)
        self.name_cluster = nearest(log.names.vectors, frozen.name_centroids)
        self.query_cluster = nearest(log.queries.vectors, frozen.query_centroids)
        self.query_keys = [query_key(v) for v in log.queries.vectors]
        self.top_items, self.top_categories = frozen.top_items, frozen.top_categories


def looked_up(table, keys, present):
    """`[n, 4]` frozen values of `keys`; unknown or absent keys are 0."""
    known, values = table
    result = np.zeros((len(keys), 4))
    if len(known):
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        hit = present & (known[at] == keys)
        result[hit] = values[at[hit]]
    return result


def rates(values):
    buys, adds = values[:, 0], values[:, 1]
    with np.errstate(all="ignore"):
        return np.where(adds == 0, np.where(buys > 0, 1.0, 0.0), buys / adds)


def raw_rows(rows, shop):
    """`[n, 64]` Float64 before scaling; an absent price is NaN (it stays unscaled)."""
    raw = np.array([r.values for r in rows], np.float64).reshape(len(rows), 64)
    t = np.array([r.t for r in rows], np.int64)
    raw[np.arange(len(rows)), [ONE_HOT[r.kind] for r in rows]] = 1
    raw[:, 5] = (t // 3600 % 24) / 23 * 2 - 1
    raw[:, 6] = (t // 86_400 + 3) % 7 / 6 * 2 - 1
    day = t.astype("datetime64[s]").astype("datetime64[D]")
    raw[:, 7] = ((day - day.astype("datetime64[M]")).astype(np.int64) + 1) / 31 * 2 - 1
    raw[:, 59] = [r.gap for r in rows]
    raw[:, 60] = [r.age for r in rows]
    tables = np.array([r.table for r in rows])
    for table, fill in ((PRODUCT_ROW, fill_products), (VISIT_ROW, fill_visits),
                        (SEARCH_ROW, fill_searches)):
        at = np.flatnonzero(tables == table)
        if len(at):
            part = raw[at]
            fill(part, [rows[i] for i in at], shop)
            raw[at] = part
    return raw, tables


def fill_products(raw, rows, shop):
    f = shop.frozen
    events = [r.event for r in rows]
    yes = np.ones(len(rows), bool)
    item = looked_up(f.tables["items"], np.array([e.key for e in events], np.int64), yes)
    has_category = np.array([e.category is not None for e in events])
    categories = np.array([e.category or 0 for e in events], np.int64)
    category = looked_up(f.tables["categories"], categories, has_category)
    name = np.array([e.name for e in events], np.int64)
    clusters = np.array([shop.name_cluster[n] if n >= 0 else -1 for n in name], np.int64)
    cluster = looked_up(f.tables["name-clusters"], clusters, clusters >= 0)
    raw[:, 16] = rates(item)
    raw[:, 20] = [e.key in shop.top_items for e in events]
    raw[:, 24:27], raw[:, 27] = cluster[:, :3], cluster[:, 3]
    raw[:, 28], raw[:, 29:32] = item[:, 3], item[:, :3]
    raw[:, 32] = [e.category in shop.top_categories for e in events]
    raw[:, 36] = rates(category)
    raw[:, 38:41], raw[:, 41] = category[:, :3], category[:, 3]
    raw[:, 42] = [np.nan if e.price is None else (e.price + 1) / 100 for e in events]
    raw[:, 43:59] = np.where((name >= 0)[:, None], shop.name_vectors[name] / 127.5 - 1, 0)


def fill_visits(raw, rows, shop):
    keys = np.array([r.session.key for r in rows], np.int64)
    url = looked_up(shop.frozen.tables["urls"], keys, np.ones(len(rows), bool))
    raw[:, 10], raw[:, 11] = url[:, 3], url[:, 0]


def fill_searches(raw, rows, shop):
    f = shop.frozen
    q = np.array([r.session.query for r in rows], np.int64)
    has = q >= 0
    keys = np.array([shop.query_keys[n] if n >= 0 else 0 for n in q], np.int64)
    clusters = np.array([shop.query_cluster[n] if n >= 0 else -1 for n in q], np.int64)
    query = looked_up(f.tables["queries"], keys, has)
    cluster = looked_up(f.tables["query-clusters"], clusters, clusters >= 0)
    raw[:, 12], raw[:, 13] = query[:, 0], cluster[:, 0]
    raw[:, 15], raw[:, 16] = query[:, 3], cluster[:, 3]
    raw[:, 21:37] = np.where(has[:, None], shop.query_vectors[q] / 127.5 - 1, 0)


def psi(x, treatment, power):
    if treatment == "rate":
        return x
    if treatment == "logarithm" or power == 0:
        return np.log1p(x)
    return ((1 + x) ** power - 1) / power


def scaled(x, scaler):
    """One position of one kind of row."""
    if scaler["treatment"] == "direct":
        return x
    low, high = scaler["low"], scaler["high"]
    if high == low:
        return np.full_like(x, -1)
    y = psi(x, scaler["treatment"], scaler["lambda"])
    return np.clip(2 * (y - low) / (high - low) - 1, -1, 1)


def finished(raw, tables, scalers):
    """`[n, 64]` float16: section 4."""
    out = np.empty_like(raw)
    for table in (PRODUCT_ROW, VISIT_ROW, SEARCH_ROW):
        at = np.flatnonzero(tables == table)
        for position in range(64):
            out[at, position] = scaled(raw[at, position], scalers[table][position])
    out[np.isnan(raw)] = 0
    return out.astype(np.float32).astype(np.float16)

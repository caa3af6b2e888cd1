"""rows.md section 5: the statistics of the whole log, against the files of a generation."""

import math
from collections import Counter, defaultdict

import numpy as np

from golden_log import SEARCH, VISIT
from golden_rows import LANE, PRODUCT_ROW, SEARCH_ROW, VISIT_ROW, psi, raw_rows


def entropy(counts):
    """The fit's entropy over users, in ascending order of their ids."""
    total = sum(counts) + 1e-9
    if len(counts) == 0:
        return 0.0
    h = 0.0
    for n in counts:
        p = min(n / total, 0.999999)
        h -= p * math.log2(p + 1e-9)
    return h


class Popularity:
    """One table: events by lane, and the users' shares the entropy is over."""

    def __init__(self):
        self.lanes = defaultdict(lambda: [0, 0, 0])
        self.shares = defaultdict(Counter)

    def arrays(self):
        keys = sorted(self.lanes)
        values = np.zeros((len(keys), 4))
        for i, key in enumerate(keys):
            values[i, :3] = self.lanes[key]
            shares = self.shares.get(key, {})
            values[i, 3] = entropy([shares[u] for u in sorted(shares)])
        return np.array(keys, np.int64), values


def fitted_tables(folded, rows, shop):
    """Tables of all users; `folded` and `rows` by user."""
    tables = {name: Popularity() for name in (
        "items", "categories", "name-clusters", "urls", "queries", "query-clusters")}

    def count(name, key, event, shared):
        if name.endswith("-clusters") and key < 0:
            return
        tables[name].lanes[key][LANE[event.kind]] += 1
        if shared:
            tables[name].shares[key][event.user] += 1

    for user in sorted(folded):
        for event, _, _ in folded[user]:
            if event.kind == VISIT:
                count("urls", event.key, event, False)
            elif event.kind == SEARCH:
                if event.query >= 0:
                    count("queries", shop.query_keys[event.query], event, False)
                    count("query-clusters", shop.query_cluster[event.query], event, False)
            else:
                count("items", event.key, event, True)
                if event.category is not None:
                    count("categories", event.category, event, True)
                if event.name >= 0:
                    count("name-clusters", shop.name_cluster[event.name], event, True)
        for row in rows[user]:
            if row.table == VISIT_ROW:
                tables["urls"].shares[row.session.key][user] += 1
            elif row.table == SEARCH_ROW and row.session.query >= 0:
                query = row.session.query
                tables["queries"].shares[shop.query_keys[query]][user] += 1
                if shop.query_cluster[query] >= 0:
                    tables["query-clusters"].shares[shop.query_cluster[query]][user] += 1
    return {name: table.arrays() for name, table in tables.items()}


def top_list(table):
    keys, values = table
    ranked = sorted((-n, k) for k, n in zip(keys.tolist(), values[:, 0].tolist()) if n > 0)
    return sorted(k for _, k in ranked[:150])


class Likelihood:
    """ln L of the power transform over values with their frequencies."""

    def __init__(self, x):
        self.x, self.n = np.unique(x, return_counts=True)
        self.log = np.log1p(self.x)
        self.count = len(x)
        self.sum = float((self.log * self.n).sum())

    def __call__(self, power):
        y = self.log if power == 0 else np.expm1(power * self.log) / power
        mean = (y * self.n).sum() / self.count
        variance = ((y - mean) ** 2 * self.n).sum() / self.count
        if not variance > 0:
            return -math.inf
        return -self.count / 2 * math.log(variance) + (power - 1) * self.sum


def best_power(likelihood):
    """Maximum of a likelihood with one peak: widen a bracket, then golden-section search."""
    low, high = -2.0, 2.0
    while likelihood(low) > likelihood(low + 1e-3) and low > -64:
        low *= 2
    while likelihood(high) > likelihood(high - 1e-3) and high < 64:
        high *= 2
    ratio = (math.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    fa, fb = likelihood(a), likelihood(b)
    while high - low > 1e-9:
        if fa >= fb:
            high, b, fb = b, a, fa
            a = high - ratio * (high - low)
            fa = likelihood(a)
        else:
            low, a, fa = a, b, fb
            b = low + ratio * (high - low)
            fb = likelihood(b)
    return (low + high) / 2


def check_tables(fitted, frozen, report):
    for name, (keys, values) in fitted.items():
        known, theirs = frozen.tables[name]
        if not np.array_equal(keys, known):
            report(f"{name}: {len(known)} keys, want {len(keys)}, "
                   f"{len(set(known.tolist()) ^ set(keys.tolist()))} differ")
            continue
        wrong = np.flatnonzero((values[:, :3] != theirs[:, :3]).any(axis=1))
        if len(wrong):
            i = wrong[0]
            report(f"{name}: {len(wrong)} keys miscounted, such as {keys[i]}: "
                   f"{theirs[i, :3]}, want {values[i, :3]}")
        off = np.abs(values[:, 3] - theirs[:, 3])
        if len(off) and off.max() > 1e-9:
            i = int(off.argmax())
            report(f"{name}: entropy of {keys[i]} is {theirs[i, 3]!r}, want {values[i, 3]!r}")


def check_scaler(where, scaler, x, report):
    """`x` holds the values of one position over all rows of one kind."""
    treatment = scaler["treatment"]
    low, high = (psi(np.array(v), treatment, scaler["lambda"]) for v in (x.min(), x.max()))
    for name, want in (("low", low), ("high", high)):
        if abs(scaler[name] - want) > 1e-9 * max(1, abs(want)):
            report(f"{where}: {name} is {scaler[name]!r}, want {float(want)!r}")
    if treatment != "count" or x.min() == x.max():
        return
    likelihood = Likelihood(x)
    want = best_power(likelihood)
    if abs(want - scaler["lambda"]) > 1e-4:
        report(f"{where}: λ is {scaler['lambda']!r}, want {want!r}; "
               f"ln L {likelihood(scaler['lambda'])!r} against {likelihood(want)!r}")


# rows.md section 3, the column "treatment"; what is not named is direct.
TREATMENTS = {
    PRODUCT_ROW: {
        "count": (8, 9, 10, 17, 18, 19, *range(21, 27), *range(29, 32), *range(33, 36),
                  *range(38, 41)),
        "logarithm": (11, 12, 13, 27, 28, 41, 59, 60), "rate": (14, 15, 16, 36, 37, 42)},
    VISIT_ROW: {
        "count": (8, 9, 11, 14, *range(16, 33)), "logarithm": (10, 59, 60), "rate": (15,)},
    SEARCH_ROW: {
        "count": (8, 9, 12, 13, 14, 19), "logarithm": (10, 11, 15, 16, 59, 60), "rate": (20,)},
}


def check_fit(folded, rows, shop, report):
    """Compares everything but the centroids; returns how many scalers were compared."""
    frozen = shop.frozen
    tables = fitted_tables(folded, rows, shop)
    check_tables(tables, frozen, report)
    for name in ("items", "categories"):
        if top_list(tables[name]) != frozen.top[name]:
            report(f"top {name}: {len(frozen.top[name])} ids, not those most bought")
    raw, kinds = raw_rows([r for user in sorted(rows) for r in rows[user]], shop)
    compared = 0
    for table, treatments in TREATMENTS.items():
        part = raw[kinds == table]
        wanted = {p: t for t, positions in treatments.items() for p in positions}
        for position, scaler in enumerate(frozen.scalers[table]):
            where = f"{table} {position}"
            if scaler["treatment"] != wanted.get(position, "direct"):
                report(f"{where}: {scaler['treatment']}, want {wanted.get(position, 'direct')}")
            elif position in wanted:
                x = part[:, position]
                x = x[~np.isnan(x)]
                if len(x):
                    check_scaler(where, scaler, x, report)
                    compared += 1
    return compared

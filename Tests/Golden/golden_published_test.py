"""Ten events of two users, and what the published system makes of them, worked by hand.

Monday, 5 January 1970, is day 0; item 1 is of category 5 and price 9, item 2 of 6 and 19.

    user 1   day 0 12:00 visit 7, 12:10 add 1, 12:20 visit 8, 12:24 buy 1, 12:26 add 2
             day 8 12:00 search 0, 12:01 search 1, 13:00 remove 2
    user 2   day 1 00:00 visit 7     day 10 23:00 add 1

The visits of day 0 are one block from 12:00 to 12:20; the add and the buy of item 1 stand within
its five minutes' tail, which ends at 12:25. Both searches are one block of the same query cluster.
"""

import types

import numpy as np

from golden_fit import fitted_tables
from golden_log import ADD, BUY, REMOVE, SEARCH, VISIT, Event, Log, Settings, Texts, ordered
from golden_published import Window, weight
from golden_rows import PRODUCT_ROW, SEARCH_ROW, VISIT_ROW, Shop, rows_of
from golden_self_test import check, close

SINGLE = 1.4412516245833227e-06
SHARED = 0.9182958340544896  # two thirds and a third, in bits
ITEMS = {1: (5, 9, 0), 2: (6, 19, 1)}
MONDAY = 4


def event(place, user, day, clock, kind, key):
    hour, minute = clock
    t = (MONDAY + day) * 86_400 + hour * 3600 + minute * 60
    if kind == SEARCH:
        return Event(user, t, kind, 0, None, None, -1, key, None, place)
    category, price, name = ITEMS[key] if kind != VISIT else (None, None, -1)
    return Event(user, t, kind, key, category, price, name, -1, None, place)


def ten_events():
    lines = [(1, 0, (12, 0), VISIT, 7), (1, 0, (12, 10), ADD, 1), (1, 0, (12, 20), VISIT, 8),
             (1, 0, (12, 24), BUY, 1), (1, 0, (12, 26), ADD, 2), (1, 8, (12, 0), SEARCH, 0),
             (1, 8, (12, 1), SEARCH, 1), (1, 8, (13, 0), REMOVE, 2), (2, 1, (0, 0), VISIT, 7),
             (2, 10, (23, 0), ADD, 1)]
    return [event(place, *line) for place, line in enumerate(lines)]


def window():
    names, queries = Texts(), Texts()
    for vector in ((0,) * 16, (255,) * 16):
        names.add(vector)
    for vector in ((0,) * 16, (1,) * 16):
        queries.add(vector)
    ends = np.array([[0.0] * 16, [255.0] * 16])
    frozen = types.SimpleNamespace(name_centroids=ends, query_centroids=ends, top_items={1},
                                   top_categories={5})
    shop, settings = Shop(types.SimpleNamespace(names=names, queries=queries), frozen), Settings()
    counters = Log().counters
    folded = {u: ordered([e for e in ten_events() if e.user == u], counters, settings)
              for u in (1, 2)}
    rows = {u: rows_of(folded[u], settings, shop) for u in folded}
    frozen.tables = fitted_tables(folded, rows, shop)
    return Window(folded, rows, shop, settings)


@check
def published_rows_and_their_places():
    w = window()
    assert w.bounds.tolist() == [0, 6, 8]
    assert w.tables.tolist() == [VISIT_ROW, *[PRODUCT_ROW] * 3, SEARCH_ROW, PRODUCT_ROW,
                                 VISIT_ROW, PRODUCT_ROW]
    # One-hots: visit, add 1, buy 1, add 2, search, remove 2; visit, add 1.
    assert w.raw[:, :5].argmax(1).tolist() == [3, 1, 0, 1, 4, 2, 3, 1]
    # A block stands at its start: noon, where ours closes 40 minutes after its last event.
    close(w.raw[[0, 4], 5], 12 / 23 * 2 - 1, 1e-12)
    close(w.raw[0, 6:8], [-1, 5 / 31 * 2 - 1], 1e-12)


@check
def published_counts_of_the_whole_window():
    raw = window().raw
    for row in (1, 2):  # of item 1; the add too knows of the buy and of the removal
        close(raw[row, 8:20], [1, 1, 0, 1, 1, 1, 1, 0.5, 0.5, 1, 2, 1], 1e-8)
        close(raw[row, 20:28], [1, 1, 1, 0, 1, 2, 0, SHARED], 1e-8)
        close(raw[row, 28:43], [SHARED, 1, 2, 0, 1, 1, 1, 0, 0.5, 1, 1, 2, 0, SHARED, 0.1], 1e-8)
    for row in (3, 5):  # of item 2
        close(raw[row, 8:20], [0, 1, 1, 1, 1, 1, 0, 0.5, 0, 1, 2, 1], 1e-8)
        close(raw[row, 20:28], [0, 0, 1, 1, 0, 1, 1, SINGLE], 1e-8)
        close(raw[row, 28:43], [SINGLE, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, SINGLE, 0.2], 1e-8)
    close(raw[7, 8:20], [0, 1, 0, SINGLE, SINGLE, SINGLE, 0, 0, 0.5, 0, 1, 0], 1e-12)
    # Visits: of the url, in all, entropy, of all users, flags, nearby, seconds, weeks: in the week
    # of day 10 user 1 has a search and a removal, in the one before a visit and three products.
    close(raw[0, 8:16], [1, 2, 1, 2, 1, 1, 2, 1200], 1e-8)
    close(raw[6, 8:16], [1, 1, 1, 2, 0, 0, 0, 0], 1e-8)
    assert raw[0, 16:37].tolist() == [2, 4] + [0] * 19
    assert raw[6, 16:37].tolist() == [1, 1] + [0] * 19
    # The block of searches: of the query, in all, two entropies of one key, …, 60 s, the query.
    close(raw[4, 8:21], [1, 2, SINGLE, SINGLE, 1, 2, 2, SINGLE, SINGLE, 0, 0, 0, 60], 1e-12)
    close(raw[4, 21:37], -1, 0)


@check
def published_scaling_and_weights():
    w = window()
    # Whole days before day 10 23:00: day 0 noon is 10, day 1 midnight 9, day 8 noon 2.
    weights = np.exp(-0.06 * np.array([10, 10, 10, 10, 2, 2, 9, 0]) / 7)
    close(w.weights, weights, 1e-15)
    close([weight(0, d * 86_400) for d in (1, 7, 112, 139)],
          [0.991465201, 0.941764534, 0.382892886, 0.303786973], 1e-9)
    for power in (True, False):
        out = w.finished(power, columns=17)
        assert out.shape == (8, 59) and out.dtype == np.float32
        plain = w.finished(power, columns=17, weighted=False)
        close(out, plain * weights[:, None], 1e-6)
        # Padding −1, a one-hot 1, and of two values the smaller −1 and the larger 1.
        close(plain[[0, 6], 33:], -1, 0)
        close(plain[4, 37:], -1, 0)
        assert plain[0, :5].tolist() == [0, 0, 0, 1, 0]
        close(plain[[0, 6], 15], [1, -1], 1e-6)
        close(plain[[0, 6], 16], [1, -1], 1e-6)
        close(plain[[1, 2, 3, 5, 7], 42], [-1, -1, 1, 1, -1], 1e-6)
        close(plain[[1, 2, 3, 5, 7], 28], [1, 1, -1, -1, 1], 1e-6)
        close(plain[[1, 2, 3, 5, 7], 20], [1, 1, 0, 0, 1], 0)
        close(plain[[0, 6], 11], -1, 0)  # both count two visits: a constant column
    # 21 week columns for SRA: the last four are 0 for all users, a constant column as well.
    close(w.finished(False, columns=21, weighted=False)[[0, 6], 33:37], -1, 0)

"""What a simulated shop's log says of each user's days, for simulation_filter.py.

Shares no code with Sources/Simulation. Of the truth it takes what describes the shop, which the log
tells in time or any observer of the shop knows: items with prices and first days, urls in the order
of their layout, categories; nothing of a user.

Sessions: a user's events of a day without a pause of 200 s; the model's pauses are 22 s on average
and two sessions of a day that near are rarer than a pause that long. The first day has one session.
"""

import numpy as np

from simulation_oracle import DAY

# By state: lapsed, cooling, steady, hot (docs/simulation.md).
SEARCH = 0.075 * np.array([0, 0.35, 1, 1.9])
ITEM = np.array([0, 0.42, 0.55, 0.7])
LISTING = np.array([0, 0.38, 0.25, 0.2])
REMOVAL = np.array([0, 1.5, 1, 0.8])
WANTED = np.linspace(-15, 100, 24)  # wanted prices for which choices are tabled
PAUSE = 200


def pick_table(truth, day):
    """[items, wanted prices] ln P(item | its category, wanted price) on a day, taste left out.

    One of three candidates is taken with odds o: 3 p_i o_i E[1 / (o_i + o_A + o_B)], where the
    expectation is the integral of exp(-o_i t) phi(t)^2 over t, phi(t) = E[exp(-o t)].
    """
    width = truth.manifest["model"]["price_width"]
    items, moves = truth["items"], truth["item_prices"]
    price = np.where(day >= moves[:, 1], moves[:, 2], moves[:, 0]).astype(float)
    there = items[:, 2] <= day
    table = np.full((len(items), len(WANTED)), -30.0)
    t = 2.0 ** np.arange(-10, 38)
    for category in truth["categories"][:, 0]:
        rows = np.flatnonzero(items[:, 1] == category)
        n = len(rows)
        chance = np.log((np.arange(n) + 2) / (np.arange(n) + 1)) / np.log(n + 1)
        place = np.maximum.accumulate(np.where(there[rows], np.arange(n), -1))
        p = np.bincount(place.clip(0), chance, minlength=n)
        gap = (price[rows, None] - WANTED) / width
        odds = np.exp(-0.5 * (gap**2 - (gap**2).min(0)))
        decay = np.exp(-odds[:, :, None] * t)
        phi = np.einsum("i,iwt->wt", p, decay)
        mean = (decay * (phi**2 * t)[None]).sum(2) * np.log(2)
        table[rows] = np.log(3 * p[:, None] * odds * mean + 1e-13)
    return table


class Log:
    """The log before a cutoff: sessions, active days of users, and what they say of the state."""

    def __init__(self, truth, log, cutoff_day):
        start = truth.manifest["start_seconds"]
        past = log[1] < start + cutoff_day * DAY
        order = np.argsort(log[0][past], kind="stable")
        users, seconds, self.kinds, self.keys = (a[past][order] for a in log)
        time = seconds - start
        # By event: user's row, day, session, active day.
        self.asked, self.event_row = np.unique(users, return_inverse=True)
        self.event_day = time // DAY
        new_user = np.r_[True, np.diff(self.event_row) != 0]
        self.arrival = self.event_day[new_user]
        is_first = self.event_day == self.arrival[self.event_row]
        new_day = new_user | np.r_[True, np.diff(self.event_day) != 0]
        new = new_day | (np.r_[True, np.diff(time) > PAUSE] & ~is_first)
        self.session, self.place = np.cumsum(new) - 1, np.cumsum(new_day) - 1
        # By session, and by active day in order of user and day.
        self.session_row, self.session_day = self.event_row[new], self.event_day[new]
        self.session_place = self.place[new]
        self.row, self.day = self.event_row[new_day], self.event_day[new_day]
        self.is_first = is_first[new_day]
        self._read_pages(truth)
        self._count()
        self._walk(truth)

    def _by_day(self, of_sessions):
        return np.bincount(self.session_place, of_sessions, minlength=len(self.row))

    def _count(self):
        """Counts by active day, and [active days, 3] ln P(searches, kinds of pages | state)."""
        def count(mask):
            return np.bincount(self.session[mask], minlength=len(self.session_row))
        visits, searches, adds, _, buys = (count(self.kinds == kind) for kind in range(5))
        free = visits - np.minimum(adds, visits)  # those that are not for an item to be added
        listings = count(self.page == 1)
        items = (count(self.page == 2) - np.minimum(adds, visits)).clip(0)
        self.n = self._by_day(np.ones(len(visits)))
        self.further = self._by_day((visits - 1).clip(0))
        self.bought = self._by_day(buys > 0)
        self.filled = self._by_day((buys == 0) & (adds > 0))
        def terms(*pairs):
            return sum(self._by_day(n)[:, None] * np.log(p[1:]) for n, p in pairs)
        self.searches = terms((searches, SEARCH), ((visits - searches).clip(0), 1 - SEARCH))
        self.pages = terms((items, ITEM), (listings, LISTING),
                           ((free - items - listings).clip(0), 1 - ITEM - LISTING))

    def _read_pages(self, truth):
        """By event: kind of page (0 generic, 1 listing, 2 item, -1 none), item, category."""
        urls, items = truth["urls"], truth["items"]
        categories = len(truth["categories"])
        wanted = 2 * truth.manifest["users"]
        generic = max(8, int(wanted * 0.01))
        listings = max(4, int(wanted * 0.05) // categories)
        first_item = generic + listings * categories
        assert (urls[:first_item, 1] == -1).all() and (urls[first_item:, 1] >= 0).all()
        item_of_sku = np.full(items[:, 0].max() + 1, -1)
        item_of_sku[items[:, 0]] = np.arange(len(items))
        place = {c: i for i, c in enumerate(truth["categories"][:, 0])}
        self.item_category = np.array([place[c] for c in items[:, 1]])
        index = np.full(urls[:, 0].max() + 1, -1)
        index[urls[:, 0]] = np.arange(len(urls))
        visit = self.kinds == 0
        url = np.where(visit, index[np.where(visit, self.keys, urls[0, 0])], 0)
        self.page = np.where(url >= first_item, 2, np.where(url >= generic, 1, 0))
        self.page[~visit] = -1
        self.item = np.full(len(self.keys), -1)
        shown = self.page == 2
        self.item[shown] = item_of_sku[urls[url[shown], 1]]
        product = self.kinds >= 2
        self.item[product] = item_of_sku[self.keys[product]]
        self.category = np.where(self.item >= 0, self.item_category[self.item], -1)
        listing = self.page == 1
        self.category[listing] = (url[listing] - generic) // listings

    def _walk(self, truth):
        """Follows carts and opened items: what was picked, and what was removed of how much."""
        kinds, items = self.kinds.tolist(), self.item.tolist()
        sessions = len(self.session_row)
        ends = np.searchsorted(self.session, np.arange(sessions + 1)).tolist()
        # 1 picked for the session's focus, 2 the item of a search, 3 picked for any category,
        # 0 nothing to tell: no item, or one that was opened lately.
        self.pick = np.zeros(len(kinds), np.int8)
        removed = np.zeros((sessions, 4))  # of old in the cart: removed, kept; of new: the same
        row, cart, recent = -1, [], []
        for j, user in enumerate(self.session_row.tolist()):
            if user != row:
                row, cart, recent = user, [], []
            added, buys, out = self._open(ends[j], ends[j + 1], kinds, items, recent)
            new = old = 0  # how many of them are bought
            while new < min(len(buys), len(added)) and buys[new][0] == added[new]:
                new += 1
            while new + old < len(buys) and old < len(cart) and buys[new + old][0] == cart[old]:
                old += 1
            for _, event in buys[new + old:]:
                self.pick[event] = 1
            kept = []
            for place, part in ((0, cart[old:]), (2, added[new:])):
                for item in part:
                    is_out = bool(out) and out[0] == item
                    removed[j, place + (not is_out)] += 1
                    out.pop(0) if is_out else kept.append(item)
            cart = kept[-8:]
        old, new = 0.2 * REMOVAL[1:], 0.33 * REMOVAL[1:]
        terms = removed @ np.log(np.stack([old, 1 - old, new, 1 - new]))
        self.removals = np.stack([self._by_day(term) for term in terms.T], 1)
        self.prices = np.zeros((len(self.row), len(WANTED)))
        for week in np.unique(self.event_day // 7):
            chosen = ((self.pick == 1) | (self.pick == 3)) & (self.event_day // 7 == week)
            table = pick_table(truth, 7 * week + 3)
            np.add.at(self.prices, self.place[chosen], table[self.item[chosen]])

    def _open(self, first, end, kinds, items, recent):
        """Marks a session's picks; the items added, the bought with their events, the removed."""
        searched, added, buys, out = False, [], [], []
        for e in range(first, end):
            kind, item = kinds[e], items[e]
            if kind == 1:
                searched = True
            elif kind == 0 and item >= 0:
                if e + 1 < end and kinds[e + 1] == 2 and items[e + 1] == item:
                    self.pick[e] = 1
                elif searched:
                    self.pick[e], searched = 2, False
                elif item not in recent:
                    self.pick[e] = 3
                recent[:] = [*recent[-3:], item]
            elif kind == 2:
                if e == first or self.pick[e - 1] != 1 or items[e - 1] != item:
                    self.pick[e] = 1  # without a visit of its own
                added.append(item)
            elif kind == 3:
                out.append(item)
            elif kind == 4:
                buys.append((item, e))
        return added, buys, out

"""What users like, from what they looked at: a Gibbs sampler, for simulation_filter.py.

A user has three favourite categories, of which one is replaced with chance 0.05 a week, and shares
of departments A(g). Each session has a focus, drawn from a(c) (docs/simulation.md); four of five of
its items and listings are of it, and the others are draws from a(c) as well. A sweep draws, for all
users at once, each slot's favourites from beginning to end given the other two (forward filtering,
backward sampling; the focus is summed over), and then A among the one so far and 64 of the
population, by what was drawn from it. `affinity` is P(category | purchase) given the sweep's A and
other slots; its mean over sweeps is the estimate.

Approximate in that a page besides the focus is taken from the population's mean while the focus is
unclear, that favourites drift while a user is lapsed as well, and that items of a category are
taken to tell nothing of taste.
"""

import numpy as np

WEIGHTS = (0.5, 0.3, 0.2)
KEPT = 1 - 0.05 / 3  # of a slot, a week


class Tastes:
    """Favourites and departments of each user, by Gibbs sampling from what its sessions show."""

    def __init__(self, truth, log, cutoff_day, seed=1):
        self.random = np.random.default_rng(seed)
        self.department = truth["categories"][:, 1]
        self.share = truth["category_share"][:, 0].astype(np.float32)
        self.prior = truth["department_affinity"].astype(np.float32)  # as a sample of users' A(g)
        self.prior /= self.prior.sum(1, keepdims=True)
        self.users = len(log.asked)
        self._observe(log)
        self.weeks_left = (cutoff_day + 21 - log.arrival) // 7 - self.week[self.last]
        mean = self.prior.mean(0)
        self.taste = np.tile(mean, (self.users, 1))
        self.favourite = np.zeros((3, len(self.user)), np.int64)
        self.end = np.zeros((3, self.users, len(self.share)), np.float32)
        draw = self._rest()[self.user]
        for slot in range(3):
            self.favourite[slot] = self._pick(draw)

    def _observe(self, log):
        """A row a session and one a page besides its focus: P(what was seen | focus), scaled."""
        c = len(self.share)
        mean = 0.7 * self.prior.mean(0)[self.department] * self.share + 0.3 / c
        mean = mean / mean.sum()
        sure = (log.pick == 1) | (log.pick == 2)
        loose = (log.pick == 3) | (log.page == 1)
        gain = np.zeros((len(log.session_row), c), np.float32)
        np.add.at(gain, (log.session[sure], log.category[sure]), 7)
        np.add.at(gain, (log.session[loose], log.category[loose]),
                  np.log1p(4 / mean[log.category[loose]]))
        two = np.partition(gain, -2, axis=1)[:, -2:]
        clear = two[:, 1] - two[:, 0] > 3
        focus = gain.argmax(1)
        other = np.flatnonzero(loose & clear[log.session] & (log.category != focus[log.session]))
        told = np.flatnonzero(two[:, 1] > 0)
        likelihood = np.exp(gain[told] - two[told, 1:])
        alone = np.zeros((len(other), c), np.float32)
        alone[np.arange(len(other)), log.category[other]] = 1
        user = np.r_[np.arange(self.users), log.session_row[told], log.event_row[other]]
        day = np.r_[log.arrival, log.session_day[told], log.event_day[other]]
        all_rows = np.concatenate([np.ones((self.users, c), np.float32), likelihood, alone])
        order = np.lexsort((np.arange(len(user)), day, user))
        self.user, self.seen = user[order], all_rows[order]
        self.week = (day[order] - log.arrival[self.user]) // 7
        self.first = np.searchsorted(self.user, np.arange(self.users))
        self.count = np.diff(np.r_[self.first, len(self.user)])
        self.last = self.first + self.count - 1
        kept = np.r_[0, np.diff(self.week)]
        kept[self.first] = 0
        self.stay = (KEPT ** kept).astype(np.float32)
        self.by_count = np.argsort(-self.count, kind="stable")
        counts = self.count[self.by_count]
        self.steps = [self.by_count[:np.searchsorted(-counts, -j)] for j in range(counts[0])]

    def _rest(self):
        return self.taste[:, self.department] * self.share

    def _pick(self, weights):
        total = np.cumsum(weights, 1)
        draw = self.random.random(len(weights))[:, None] * total[:, -1:]
        return np.minimum((total <= draw).sum(1), weights.shape[1] - 1)

    def sweep(self):
        rest = self._rest()
        rows = np.arange(len(self.user))
        general = 0.3 * np.einsum("nc,nc->n", self.seen, rest[self.user])
        shares = 0.7 * np.array(WEIGHTS, np.float32)
        seen = [self.seen[rows, f] * v for f, v in zip(self.favourite, shares)]
        draws = np.zeros((self.users, self.prior.shape[1]), np.float32)
        for slot in range(3):
            base = general + sum(seen) - seen[slot]
            alpha = base[:, None] + shares[slot] * self.seen
            for j, users in enumerate(self.steps):
                at = self.first[users] + j
                stay = self.stay[at][:, None]
                before = rest[users] if j == 0 else (
                    stay * alpha[at - 1] + (1 - stay) * rest[users])
                a = alpha[at] * before
                alpha[at] = a / a.sum(1, keepdims=True)
            self.end[slot] = alpha[self.last]
            chosen = self.favourite[slot]
            for j in range(len(self.steps) - 1, -1, -1):
                users = self.steps[j]
                at = self.first[users] + j
                fresh = self._pick(alpha[at])
                if j + 1 < len(self.steps):
                    more = len(self.steps[j + 1])
                    then = chosen[at[:more] + 1]
                    stay = self.stay[at[:more] + 1]
                    same = stay * alpha[at[:more], then]
                    new = (1 - stay) * rest[users[:more], then]
                    kept = self.random.random(more) * (same + new) < same
                    fresh[:more] = np.where(kept, then, fresh[:more])
                    np.add.at(draws, (users[:more][~kept], self.department[then[~kept]]), 1)
                chosen[at] = fresh
            np.add.at(draws, (np.arange(self.users), self.department[chosen[self.first]]), 1)
            seen[slot] = self.seen[rows, chosen] * shares[slot]
        loose = self.random.random(len(rows)) * (general + sum(seen)) < general
        loose[self.first] = False
        focus = self._pick(self.seen[loose] * rest[self.user[loose]])
        np.add.at(draws, (self.user[loose], self.department[focus]), 1)
        self._move_taste(draws)

    def _move_taste(self, draws, candidates=64):
        """One of the taste so far and fresh ones from the prior, by what was drawn from it."""
        fresh = self.prior[self.random.integers(len(self.prior), size=candidates)]
        score = draws @ np.log(fresh.T + 1e-9)
        now = (draws * np.log(self.taste + 1e-9)).sum(1, keepdims=True)
        score = np.concatenate([now, score], 1)
        chosen = self._pick(np.exp(score - score.max(1, keepdims=True)))
        moved = chosen > 0
        self.taste[moved] = fresh[chosen[moved] - 1]

    def affinity(self):
        """[users, categories] P(category | purchase) in the window's middle, of this sweep."""
        rest = self._rest()
        stay = (KEPT ** self.weeks_left)[:, None]
        result = (0.3 + 0.7 * (1 - stay)) * rest
        for slot, v in enumerate(WEIGHTS):
            result += 0.7 * v * stay * self.end[slot]
        return result

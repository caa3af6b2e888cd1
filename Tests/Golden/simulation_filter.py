#!/usr/bin/env python3
"""What a simulated shop's log can tell: a Bayes filter that knows the model, not the users.

    python3 Tests/Golden/simulation_filter.py DIR [--cutoff-day N] [--past-buyers]
        [--leave-out PART]... [--sweeps N] [--seed N] [--json]

For each user with an event before the cutoff C (default: 28 days before the log's end) it computes
the posterior of traits and state from the log before C, and with it the probability of no purchase
in the days C ... C + 14 and C + 14 ... C + 28, as far as the log has them. Who sees only the log cannot do better on average.
The truth is read to score it, for the shop (simulation_sessions.py), and for a sample of tastes
that stands for their prior (simulation_tastes.py).

The engagement chain is summed over exactly (forward algorithm, a step a night); the traits, five
standard normal numbers (z, and those of mu, q, kappa and the wanted price), by importance sampling:
a normal distribution is fitted to each user's posterior, tempered while few draws carry the weight,
until 60 of 384 draws do. An eighth of the draws is from the prior.

Parts of the evidence, each of which can be left out: `sessions` (when, and how many), `visits`
(of a session), `searches`, `pages` (kinds), `removals`, `prices` (of items picked), `carts` (filled
without a purchase), `buys`. Left out always: taste in the choice between items of a category, items
opened again, the cut of visits at 600. Prices and arrivals of items are those of mid-week.

Printed: users, buyers, AUROC as it came true; the mean AUROC over labels drawn from the oracle's
probabilities, which has no noise of labels; reliability as in simulation_oracle.py. Exit status 1
when |z| is above 4.5 anywhere. `--past-buyers` asks for churn alone.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from simulation_oracle import DAY, Truth, auroc, events, logistic_scores, reliability
from simulation_sessions import WANTED, Log
from simulation_tastes import KEPT, Tastes

# By state: lapsed, cooling, steady, hot (docs/simulation.md).
SESSION = np.array([0, 0.4, 1, 2.2])
BUY = np.array([0, 0.4, 1, 1.9])
VISIT = np.array([1, 0.65, 1, 1.2])
CART = np.array([0, 0.7, 1, 1.8])
WARM, SETTLE, RECOVER, LAPSE = 0.02, 0.1, 0.03, 0.08
PRICE_DROP = 15.0
PARTS = ["sessions", "visits", "searches", "pages", "removals", "prices", "carts", "buys"]
SHARES = np.array([0.02, 0.1, 0.35, 1])  # of buying sessions, for which forecasts are made


class Traits:
    """What follows from [..., 5] standard normal numbers."""

    def __init__(self, x):
        z = x[..., 0]
        self.rate = np.minimum(2, np.exp(-3.95 + 0.62 * z))
        self.visits = np.minimum(200, np.exp(0.36 + 1.1 * z + 0.2 * x[..., 1]))
        self.buy = np.minimum(0.6, 0.058 * np.exp(0.4 * z + 1.5 * x[..., 2] - 1.125))
        self.hazard = np.minimum(0.4, 0.02 * np.exp(-0.4 * z + 0.4 * x[..., 3]))
        self.back = np.minimum(0.02, 0.001 * np.exp(0.6 * z))
        self.stays = 1 / (1 + np.exp(2.8 - 0.8 * z))
        self.price = np.clip(50 + 20 * x[..., 4], 3, 96)

    @staticmethod
    def true(rows):
        t = Traits(np.zeros((len(rows), 5)))
        _, _, t.rate, t.visits, t.buy, t.hazard, t.back, t.stays, t.price = rows.T
        return t

    def q(self, s):
        return np.minimum(0.95, self.buy * float(BUY[s]))

    def cart(self, s):
        return np.minimum(0.5, 0.095 * np.sqrt(self.buy / 0.058)) * float(CART[s])


def night(t, a):
    """The distribution [4, ...] over the states, a night later."""
    new = np.empty_like(a)
    new[0] = a[0] * (1 - t.back) + LAPSE * a[1]
    new[1] = a[1] * (1 - RECOVER - LAPSE) + a[2] * t.hazard
    new[2] = a[0] * t.back + RECOVER * a[1] + a[2] * (1 - WARM - t.hazard) + SETTLE * a[3]
    new[3] = WARM * a[2] + (1 - SETTLE) * a[3]
    return new


def none_bought(t, state, weekdays, first, wait, share=1.0, days=14):
    """P(no purchase in `days` days, `wait` days after midnight `first`), from `state` [4, ...]."""
    for day in range(first, first + wait + days):
        state = night(t, state)
        if day >= first + wait:
            for s in (1, 2, 3):
                rate = float(share * SESSION[s] * weekdays[day % 7])
                state[s] *= np.exp(-rate * t.rate * t.q(s))
    return state.sum(0)


class Filter:
    """Weighted draws of each user's traits, and P(state at the cutoff) for each of them."""

    def __init__(self, log, weekdays, cutoff, leave_out=(), seed=1):
        self.log, self.weekdays, self.cutoff = log, weekdays, cutoff
        self.parts = set(PARTS) - set(leave_out)
        self.random = np.random.default_rng(seed)
        self.first = np.searchsorted(log.row, np.arange(len(log.asked) + 1))

    def forward(self, rows, x):
        """[4, users, draws] P(state at the cutoff | log, traits), and ln P(log | traits)."""
        log, t = self.log, Traits(x.astype(np.float32))
        a = np.zeros((4, *x.shape[:2]), np.float32)
        scale = np.zeros(x.shape[:2], np.float32)
        timed = float("sessions" in self.parts)
        quiet = [[np.exp(-t.rate * np.float32(SESSION[s] * w * timed)) for s in (1, 2, 3)]
                 for w in self.weekdays]
        terms = self._terms(t)
        mine = np.concatenate([np.arange(self.first[r], self.first[r + 1]) for r in rows])
        local = np.repeat(np.arange(len(rows)), self.first[rows + 1] - self.first[rows])
        order = np.argsort(log.day[mine], kind="stable")
        mine, local = mine[order], local[order]
        edges = np.searchsorted(log.day[mine], np.arange(self.cutoff + 1))
        begin = int(log.day[mine[0]])
        for day in range(begin, self.cutoff):
            if day > begin:
                a = night(t, a)
                for s in (1, 2, 3):
                    a[s] *= quiet[day % 7][s - 1]
            j, u = (b[edges[day]:edges[day + 1]] for b in (mine, local))
            if not len(j):
                continue
            seen = self._seen(day, j, u, terms)
            top = seen.max(0)
            old, first = a[:, u], log.is_first[j]
            stays = t.stays[u[first]]
            # Who does not stay behaves on the first day as if cooling, and is lapsed from then on.
            old[:, first] = np.stack([0 * stays, 1 - stays, 0.8 * stays, 0.2 * stays])
            old[1:] *= np.exp(seen - top)
            old[0] = 0
            old[0, first], old[1, first] = old[1, first], 0
            total = old.sum(0) + np.float32(1e-37)
            a[:, u] = old / total
            scale[u] += np.log(total) + top
        total = a.sum(0)
        return a / total, scale + np.log(total)

    def _terms(self, t):
        """What ln P(a day's log | state, traits) needs of the traits, by state."""
        further = [t.visits * np.float32(v) for v in VISIT]
        spots = [(t.price - np.float32(WANTED[0] + PRICE_DROP * (s == 1)))
                 / np.float32(WANTED[1] - WANTED[0]) for s in (1, 2, 3)]
        return {
            "rate": np.log(t.rate),
            "visits": [(np.log(m) - np.log1p(m), np.log1p(m)) for m in further],
            "buys": [(np.log(q), np.log1p(-q))
                     for q in (t.buy * np.float32(0.6), t.q(1), t.q(2), t.q(3))],
            "carts": [(np.log(c), np.log1p(-c)) for c in (t.cart(1), t.cart(2), t.cart(3))],
            "prices": [(p.astype(np.int32), p - np.floor(p)) for p in spots],
        }

    def _seen(self, day, j, u, terms):
        """[3, active users, draws] ln P(the day's log | state), but for the quiet factor."""
        log, parts, first = self.log, self.parts, self.log.is_first[j]
        n, further, bought, filled = (
            x[j].astype(np.float32)[:, None] for x in (log.n, log.further, log.bought, log.filled))
        prices = log.prices[j].astype(np.float32)
        result = np.zeros((3, len(j), terms["rate"].shape[1]), np.float32)
        for s in (1, 2, 3):
            term = result[s - 1]
            if "sessions" in parts:
                factor = SESSION[s] * self.weekdays[day % 7]
                term += n * (terms["rate"][u] + np.float32(np.log(factor)))
                term[first] = 0
            for name, a, b in (("visits", further, -n), ("buys", bought, n - bought)):
                if name in parts:
                    value = a * terms[name][s][0][u] + b * terms[name][s][1][u]
                    arrive = a * terms[name][0][0][u] + b * terms[name][0][1][u]
                    term += np.where(first[:, None], arrive, value)
            if "carts" in parts:
                yes, no = terms["carts"][s - 1]
                term += filled * yes[u] + (n - bought - filled) * no[u]
            for name in parts & {"searches", "pages", "removals"}:
                term += getattr(log, name)[j, s - 1].astype(np.float32)[:, None]
            if "prices" in parts:
                place, rest = (part[u] for part in terms["prices"][s - 1])
                low, high = (np.take_along_axis(prices, place + k, 1) for k in (0, 1))
                term += low + rest * (high - low)
        return result

    def run(self, rows, report, batch=32):
        """report(rows, traits, state [4, users, draws], weights [users, draws]) for all users."""
        rows = rows[np.argsort(self.log.arrival[rows], kind="stable")]
        for part in np.array_split(rows, max(1, len(rows) // batch)):
            mean = np.zeros((len(part), 5))
            root = np.tile(np.eye(5), (len(part), 1, 1))
            for step in range(20):
                x, state, weight = self._draw(part, mean, root, step)
                if step >= 2:
                    done = (1 / (weight**2).sum(1) > 60) | (step == 19)
                    if done.any():
                        report(part[done], Traits(x[done]), state[:, done], weight[done])
                    part, x, weight = part[~done], x[~done], weight[~done]
                    if not len(part):
                        break
                power = np.ones(len(part))
                for _ in range(12):
                    soft = weight ** power[:, None]
                    soft /= soft.sum(1, keepdims=True)
                    power[1 / (soft**2).sum(1) < 30] *= 0.7
                mean = np.einsum("uk,uki->ui", soft, x)
                away = x - mean[:, None]
                cov = np.einsum("uk,uki,ukj->uij", soft, away, away)
                root = np.linalg.cholesky(1.3 * cov + 1e-5 * np.eye(5))

    def _draw(self, part, mean, root, step):
        """Draws from the fits so far, the state for each, and weights: posterior over proposal."""
        count = (128, 192, 384)[min(step, 2)]
        noise = self.random.standard_normal((len(part), count, 5))
        x = mean[:, None] + np.einsum("uij,ukj->uki", root, noise)
        wide = count // 8 if step else 0
        x[:, :wide] = noise[:, :wide]
        state, weight = self.forward(part, x)
        if step:
            back = np.einsum("uij,ukj->uki", np.linalg.inv(root), x - mean[:, None])
            fit = -0.5 * (back**2).sum(2) - np.log(np.linalg.det(root))[:, None]
            prior = -0.5 * (x**2).sum(2)
            weight = weight + prior - np.logaddexp(np.log(7 / 8) + fit, np.log(1 / 8) + prior)
        weight = np.exp(weight.astype(float) - weight.max(1, keepdims=True))
        return x, state, np.maximum(weight / weight.sum(1, keepdims=True), 1e-300)


def expected_auroc(p, scores):
    """AUROC of scores in the mean over labels drawn with probabilities p."""
    p = p[np.argsort(scores, kind="stable")].astype(float)
    pairs = p.sum() * (1 - p).sum() - (p * (1 - p)).sum()
    return float(((p * np.cumsum(1 - p)).sum() - (p * (1 - p)).sum()) / pairs)


class Judge:
    def __init__(self, directory, cutoff, leave_out, seed):
        self.truth = truth = Truth(directory / "truth")
        self.manifest = truth.manifest
        assert self.manifest.get("shift_day") is None, "the filter knows no shift"
        assert not self.manifest["late_share"], "the filter wants the log in time order"
        *self.events, self.catalogue = events(directory / "log")
        self.cutoff = self.manifest["days"] - 28 if cutoff is None else cutoff
        self.weekdays = np.array(self.manifest["model"]["weekday_factors"])
        self.log = Log(truth, self.events, self.cutoff)
        self.filter = Filter(self.log, self.weekdays, self.cutoff, leave_out, seed)
        ids = truth["client_ids"]
        order = np.argsort(ids)
        self.rows = order[np.searchsorted(ids, self.log.asked, sorter=order)]
        column = self.manifest["cutoff_days"].index(self.cutoff)
        state = truth["state"][self.rows, column].astype(int)
        self.state = (np.arange(4)[:, None] == state).astype(float)
        self.traits = Traits.true(truth["users"][self.rows])

    def oracle(self, wait, share=1.0):
        return none_bought(self.traits, self.state, self.weekdays, self.cutoff, wait, share)

    @property
    def waits(self):
        """Days after the cutoff at which windows of 14 days begin that the log has in full."""
        return [wait for wait in (0, 14) if self.cutoff + wait + 14 <= self.manifest["days"]]

    def buys(self, wait):
        """Users and categories of the purchases in the window."""
        users, seconds, kinds, keys = self.events
        day = (seconds - self.manifest["start_seconds"]) // DAY - self.cutoff - wait
        mine = (kinds == 4) & (day >= 0) & (day < 14)
        place = {c: i for i, c in enumerate(self.truth["categories"][:, 0])}
        return users[mine], np.array([place[self.catalogue[sku]] for sku in keys[mine].tolist()])

    def regression(self, labels, asked):
        """Logistic regression on recency and counts, fitted to the other half of the users."""
        log, buys = self.log, self.log.kinds == 4
        age = np.full((len(log.asked), 2), self.manifest["days"], float)
        np.minimum.at(age[:, 0], log.event_row, self.cutoff - log.event_day)
        np.minimum.at(age[:, 1], log.event_row[buys], self.cutoff - log.event_day[buys])
        count = np.stack([np.bincount(log.event_row, minlength=len(age)),
                          np.bincount(log.event_row[buys], minlength=len(age))], 1)
        features = np.hstack([np.log(age), np.log1p(count)])
        fold = (log.asked * 2_654_435_761 >> 16) & 1
        return logistic_scores(features[asked], labels.astype(float), fold[asked])

    def purchases(self, past_buyers):
        """Churn, and conversion unless past buyers alone are asked; keeps what categories need."""
        users = len(self.log.asked)
        bought = np.bincount(self.log.event_row[self.log.kinds == 4], minlength=users) > 0
        everybody = np.ones(users, bool)
        told = {0: np.full(users, np.nan), 14: np.full(users, np.nan)}
        self.counted = np.zeros((users, len(SHARES)))

        def report(rows, traits, state, weight):
            def none(wait, share=1.0):
                p = none_bought(traits, state, self.weekdays, self.cutoff, wait, share)
                return (p * weight).sum(1)
            told[0][rows] = none(0)
            for i, share in enumerate(SHARES if not past_buyers else SHARES[-1:]):
                self.counted[rows, i] = 1 - none(14, share)
            told[14][rows] = 1 - self.counted[rows, 0 if past_buyers else -1]

        self.filter.run(np.flatnonzero(bought if past_buyers else everybody), report)
        result = []
        for name, asked in (("churn", bought), ("conversion", everybody)):
            if past_buyers and name == "conversion":
                continue
            for wait in self.waits:
                labels = ~np.isin(self.log.asked, self.buys(wait)[0])[asked]
                oracle, p = self.oracle(wait)[asked], told[wait][asked]
                scores = {"regression": self.regression(labels, asked), "filter": p,
                          "oracle": oracle}
                result.append({
                    "task": name, "days": [wait, wait + 14], "users": len(labels),
                    "buyers": int((~labels).sum()), "told": float((1 - p).sum()),
                    "auroc": {k: auroc(labels, v) for k, v in scores.items()},
                    "expected": {k: expected_auroc(oracle, v) for k, v in scores.items()},
                    "reliability": reliability(p, labels.astype(float))})
        return result

    def categories(self, sweeps, seed):
        """Macro AUROC of P(user buys in category c) in days C + 14 ... C + 28."""
        users, log = len(self.log.asked), self.log
        buyers, bought = self.buys(14)
        names = len(self.truth["categories"])
        labels = np.zeros((users, names), bool)
        row = np.searchsorted(log.asked, buyers).clip(0, users - 1)
        known = log.asked[row] == buyers
        labels[row[known], bought[known]] = True
        popular = np.bincount(self.buys(0)[1], minlength=names)
        listed = np.argsort(-popular, kind="stable")[:100]
        listed = listed[popular[listed] > 0]
        past = np.bincount(log.category[log.kinds == 4], minlength=names)
        rest = self.truth["department_affinity"][self.rows].astype(float)
        rest = rest[:, self.truth["categories"][:, 1]] * self.truth["category_share"][:, 0]
        favourites = self.truth.affinity(self.rows, self.cutoff) - 0.3 * rest
        true = KEPT**3 * favourites + (0.3 + 0.7 * (1 - KEPT**3)) * rest
        known = 1 - np.stack([self.oracle(14, share) for share in SHARES], 1)
        told, tastes = np.zeros((users, names)), Tastes(self.truth, log, self.cutoff, seed)
        for sweep in range(sweeps + 30):
            tastes.sweep()
            if sweep >= 30:
                told += counted(self.counted, tastes.affinity()) / sweeps
        everybody = ~np.isin(log.asked, buyers)
        regression = -self.regression(everybody, np.ones(users, bool))
        scores = {
            "regression times popularity": 1 / (1 + np.exp(-regression))[:, None] * past,
            "filter times popularity": self.counted[:, -1:] * past,
            "filter": told, "oracle": counted(known, true)}
        def macro(of):
            return {k: float(np.mean([of(c, v[:, c]) for c in listed])) for k, v in scores.items()}
        oracle = scores["oracle"]
        return {
            "labels": len(listed), "purchases": int(labels.sum()), "told": float(told.sum()),
            "auroc": macro(lambda c, v: auroc(labels[:, c], v) if labels[:, c].any() else 0),
            "expected": macro(lambda c, v: expected_auroc(oracle[:, c], v))}


def counted(table, share):
    """P(a purchase) when a share [users, c] of the buying sessions counts, from that at SHARES."""
    grid, rate = np.log(SHARES), table / SHARES
    x = np.log(np.maximum(share, 1e-6))
    place = np.clip(np.searchsorted(grid, x.ravel()).reshape(x.shape) - 1, 0, len(grid) - 2)
    part = np.clip((x - grid[place]) / np.diff(grid)[place], 0, 1)
    rows = np.arange(len(share))[:, None]
    return share * (rate[rows, place] * (1 - part) + rate[rows, place + 1] * part)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--cutoff-day", type=int)
    parser.add_argument("--past-buyers", action="store_true")
    parser.add_argument("--leave-out", action="append", choices=PARTS, default=[])
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    judge = Judge(options.directory, options.cutoff_day, options.leave_out, options.seed)
    tasks = judge.purchases(options.past_buyers)
    result = {"cutoff_day": judge.cutoff, "tasks": tasks}
    if not options.past_buyers and options.sweeps and 14 in judge.waits:
        result["categories"] = judge.categories(options.sweeps, options.seed)
    faults = [row for task in tasks for row in task["reliability"] if abs(row[3]) > 4.5]
    if options.json:
        print(json.dumps(result))
    else:
        for task in tasks + [result[k] for k in ("categories",) if k in result]:
            long = ("auroc", "expected", "reliability")
            print(*(f"{k} {v}" for k, v in task.items() if k not in long))
            for name, score in task["auroc"].items():
                print(f"  {name}: {score:.4f}, expected {task['expected'][name]:.4f}")
            for p, y, n, z in task.get("reliability", []):
                print(f"  {p:.5f} {y:.5f} {n:6d} {z:5.1f}")
    sys.exit(1 if faults and not options.leave_out else 0)


if __name__ == "__main__":
    main()

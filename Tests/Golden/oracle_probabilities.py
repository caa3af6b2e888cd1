#!/usr/bin/env python3
"""Judges the oracle of the evaluation; shares no code with Sources/Evaluation or Sources/Simulation.

    python3 Tests/Golden/oracle_probabilities.py SHOP ANSWERS.json [--exact N] [--world]

SHOP is what `ubpd simulate` wrote. ANSWERS.json holds `known_seconds`, `window` (two times, seconds),
`users`, `prices` ({sku: bucket}) and `questions`, each with `task` and `labels`; question k's
probabilities [users, labels] are float32 in ANSWERS.json.k. Prints one JSON object:

- with --exact N: for each question the greatest |difference|, absolute and relative to the
  probability, to this program's own answer for N users spread over the list. The chain is multiplied
  as 4 x 4 matrices; the choice of an item is summed over all triples of candidates.
- with --world: what came true in the log, of users with an event before the cutoff: expected and observed sums, AUROC over
  all pairs, and for binary tasks ten groups by probability (mean, share, users, z), with the
  AUROC of recency and counts beside it.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import simulation_oracle as judge  # noqa: E402  (the judge of simulations: log reader and AUROC)

DAY = 86_400


class Exact:
    def __init__(self, truth, answers):
        self.truth, self.answers = truth, answers
        m = self.m = truth.manifest
        self.model = m["model"]
        self.known = (answers["known_seconds"] - m["start_seconds"]) // DAY
        self.days = range(*((s - m["start_seconds"]) // DAY for s in answers["window"]))
        self.middle = (self.days.start + self.days.stop) // 2
        shift = m.get("shift_day")
        self.shift = 10**9 if shift is None else shift
        self.shifted = self.middle >= self.shift
        self.column = m["cutoff_days"].index(self.known)
        self.row = {int(u): i for i, u in enumerate(truth["client_ids"])}
        names = next(f for f in m["files"] if f["name"] == "users.npy")["columns"]
        self.trait = {name: truth["users"][:, i] for i, name in enumerate(names)}
        side = "_after" if self.shifted else ""
        self.taste = truth["taste" + side].astype(float)
        self.department = truth["department_affinity" + side].astype(float)
        self.share = truth["category_share"][:, 1 if self.shifted else 0]
        self.items = truth["items"]
        prices = truth["item_prices"]
        changed = np.where(self.middle >= prices[:, 1], prices[:, 2], prices[:, 0])
        self.price = (prices[:, 3] if self.shifted else changed).astype(float)
        self.offset = truth["item_taste"].astype(float)
        self.popularity = self.popularities()

    def popularities(self):
        result = np.zeros(len(self.items))
        for category in np.unique(self.items[:, 1]):
            mine = np.flatnonzero(self.items[:, 1] == category)
            first, n = self.items[mine, 2], len(mine)
            edges = np.log(np.arange(1, n + 2)) / np.log(n + 1)
            for day in self.days:
                there = np.flatnonzero(first <= day)
                places = (np.arange(n) + (n // 3 if day >= self.shift else 0)) % n
                # The next better place that is in the catalogue.
                places = there[np.searchsorted(there, places, side="right") - 1]
                np.add.at(result, mine[places], np.diff(edges) / len(self.days))
        return result

    def matrix(self, user, day):
        k = self.model
        cool = self.trait["cooling_per_day"][user]
        if day >= self.shift:
            cool = min(k["hazard_limit"], cool * k["shifted_hazard_factor"])
        back = self.trait["return_per_day"][user]
        p = np.zeros((4, 4))  # lapsed, cooling, steady, hot: from row to column
        p[0, 2] = back
        p[1, 2], p[1, 0] = k["recover_chance"], k["lapse_chance"]
        p[2, 3], p[2, 1] = k["warm_chance"], cool
        p[3, 2] = k["settle_chance"]
        return p + np.diag(1 - p.sum(1))

    def none(self, user, share):
        """P(no purchase in the window) for each share of the buying sessions that counts."""
        k = self.model
        buys = np.minimum(k["buy_chance_limit"],
                          self.trait["buys_per_session"][user] * np.array(k["buy_factors"]))
        rates = self.trait["sessions_per_day"][user] * np.array(k["session_factors"]) * buys
        states = np.zeros((len(share), 4))
        states[:, int(self.truth["state"][user, self.column])] = 1
        for day in range(self.known, self.days.stop):
            states = states @ self.matrix(user, day)
            if day in self.days:
                factor = k["weekday_factors"][day % 7]
                states = states * np.exp(-np.outer(share, rates * factor))
        return states.sum(1)

    def affinity(self, user):
        m, k = self.m, self.model
        kept = (1 - k["weekly_drift"] / 3) ** ((self.middle - self.known) // 7)
        if self.known <= self.shift and self.shifted:
            kept *= 1 - k["favourite_loss"]
        weight = m["favourite_share"] * kept
        department = self.truth["categories"][:, 1]
        result = (1 - weight) * self.department[user][department] * self.share
        mine = self.truth["favourites"]
        mine = mine[(mine[:, 0] == self.truth["client_ids"][user]) & (mine[:, 1] < self.known)]
        current = {slot: category for _, _, slot, category in mine.tolist()}
        for slot, category in current.items():
            at = np.flatnonzero(self.truth["categories"][:, 0] == category)[0]
            result[at] += weight * m["favourite_weights"][slot]
        return result

    def chances(self, user):
        """P(item | category) of all items, over all triples of candidates."""
        result = np.zeros(len(self.items))
        for category in np.unique(self.items[:, 1]):
            mine = np.flatnonzero(self.items[:, 1] == category)
            gap = (self.price[mine] - self.trait["price_level"][user]) / self.model["price_width"]
            odds = np.exp(0.5 * (self.offset[mine] @ self.taste[user] - gap * gap))
            p = self.popularity[mine]
            total = odds[:, None, None] + odds[None, :, None] + odds[None, None, :]
            result[mine] = 3 * p * odds * np.einsum("j,k,ijk->i", p, p, 1 / total)
        return result

    def of_session(self, chance):
        """P(a buying session has one of a kind that each of its items is of with this chance)."""
        ratio = self.model["extra_buy_mean"] / (1 + self.model["extra_buy_mean"])
        limit = self.model["extra_buy_limit"]
        extra = ratio ** np.arange(limit + 1)
        extra[:-1] -= ratio ** np.arange(1, limit + 1)
        return 1 - sum(e * (1 - chance) ** (1 + k) for k, e in enumerate(extra))

    def answer(self, user):
        """The answers to all questions, or None when nothing is known of the user."""
        row = self.row.get(user)
        if row is None or np.isnan(float(self.truth["state"][row, self.column])):
            return None
        affinity, chances = self.affinity(row), self.chances(row)
        category = {int(c): i for i, c in enumerate(self.truth["categories"][:, 0])}
        of_item = np.array([category[int(c)] for c in self.items[:, 1]])
        item = {int(s): i for i, s in enumerate(self.items[:, 0])}
        bucket = np.array([self.answers["prices"].get(str(int(s)), -1) for s in self.items[:, 0]])
        result = []
        for question in self.answers["questions"]:
            task, labels = question["task"], question["labels"]
            if task in ("churn", "conversion"):
                result.append(self.none(row, np.ones(1)))
                continue
            share = np.zeros(len(labels))
            for j, label in enumerate(labels):
                if task == "propensity_category":
                    share[j] = affinity[category[label]] if label in category else 0
                elif task == "propensity_price":
                    mine = np.bincount(of_item, chances * (bucket == label), len(affinity))
                    share[j] = (affinity * self.of_session(mine)).sum()
                elif label in item:
                    i = item[label]
                    share[j] = affinity[of_item[i]] * self.of_session(chances[i])
            result.append(1 - self.none(row, share))
        return result


def exact(truth, answers, count):
    judge_ = Exact(truth, answers)
    users = answers["users"]
    told = [q["probabilities"].astype(float) for q in answers["questions"]]
    asked = np.unique(np.linspace(0, len(users) - 1, count).astype(int))
    worst = [[0.0, 0.0] for _ in told]
    known = 0
    for place in asked:
        answer = judge_.answer(users[place])
        if answer is None:
            continue
        known += 1
        for j, want in enumerate(answer):
            gap = np.abs(told[j][place] - want)
            worst[j][0] = max(worst[j][0], float(gap.max()))
            # Below, both lose the digits of 1 - v.
            seen = want > 1e-9
            if seen.any():
                worst[j][1] = max(worst[j][1], float((gap[seen] / want[seen]).max()))
            assert np.all(told[j][place][~seen] < 2e-9)
    return {"users": known, "worst": worst}


def world(directory, answers):
    users, seconds, kinds, keys, categories = judge.events(directory / "log")
    asked = np.array(answers["users"])
    place = {u: i for i, u in enumerate(answers["users"])}
    begin, end = answers["window"]
    past = seconds < answers["cutoff_seconds"]
    buys = kinds == judge.KINDS.index("product_buy")
    bought = buys & (seconds >= begin) & (seconds < end) & np.isin(users, asked)
    last, count, purchases = (np.zeros(len(asked)) for _ in range(3))
    for u, s, b in zip(*(a[past & np.isin(users, asked)].tolist() for a in (users, seconds, buys))):
        i = place[u]
        last[i] = max(last[i], s)
        count[i] += 1
        purchases[i] += b
    result = []
    for question in answers["questions"]:
        task, labels = question["task"], question["labels"]
        told = question["probabilities"]
        true = np.zeros(told.shape, bool)
        binary = task in ("churn", "conversion")
        true[:] = binary
        column = {label: j for j, label in enumerate(labels)}
        for u, key in zip(users[bought].tolist(), keys[bought].tolist()):
            if binary:
                true[place[u], 0] = False
                continue
            label = {"propensity_category": categories.get(key),
                     "propensity_price": answers["prices"].get(str(key))}.get(task, key)
            if label in column:
                true[place[u], column[label]] = True
        rows = (purchases if task == "churn" else count) > 0
        told, true = told[rows].astype(float), true[rows]
        entry = {"task": task, "users": int(rows.sum()), "expected": float(told.sum()),
                 "observed": int(true.sum()),
                 "auroc": judge.auroc(true.ravel(), told.ravel())}
        if binary:
            entry["groups"] = judge.reliability(told[:, 0], true[:, 0])
            entry["plain"] = {
                name: judge.auroc(true[:, 0], -score[rows])
                for name, score in [("recency", last), ("events", count), ("purchases", purchases)]}
        else:
            each = [judge.auroc(t, p) for t, p in zip(true.T, told.T) if t.sum() >= 5]
            entry["labels"], entry["macro"] = len(each), float(np.mean(each)) if each else 0.0
        result.append(entry)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shop", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--exact", type=int, default=0)
    parser.add_argument("--world", action="store_true")
    arguments = parser.parse_args()
    answers = json.loads(arguments.answers.read_text())
    for k, question in enumerate(answers["questions"]):
        told = np.fromfile(f"{arguments.answers}.{k}", dtype="<f4")
        question["probabilities"] = told.reshape(len(answers["users"]), -1)
    result = {}
    if arguments.exact:
        result["exact"] = exact(judge.Truth(arguments.shop / "truth"), answers, arguments.exact)
    if arguments.world:
        result["world"] = world(arguments.shop, answers)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""docs/profile.md a second time: every part of a user's profile, in numpy Float64.

Reads the frozen files of a space and a generation itself; knows no code of ubpd's.
"""

import json
import math
import os
import struct

import numpy as np

from golden_log import ADD, BUY, REMOVE, SEARCH, VISIT
from golden_net import numbered, read_json, read_safetensors, sigmoid
from golden_rows import LANE, ONE_HOT, PRODUCT_ROW, VISIT_ROW, scaled

KINDS = (VISIT, SEARCH, ADD, REMOVE, BUY)
ESA_FIELDS = ("kind", "category", "price", "item", "url", "weekday", "gap")
TARGETS = 100


def gru_step(tensors, name, x, h):
    """PyTorch's nn.GRU, one layer, one row."""
    gi = tensors[f"{name}.weight_ih_l0"] @ x + tensors[f"{name}.bias_ih_l0"]
    gh = tensors[f"{name}.weight_hh_l0"] @ h + tensors[f"{name}.bias_hh_l0"]
    n = len(h)
    r, z = sigmoid(gi[:n] + gh[:n]), sigmoid(gi[n:2 * n] + gh[n:2 * n])
    new = np.tanh(gi[2 * n:] + r * gh[2 * n:])
    return (1 - z) * new + z * h


def linear(tensors, name, x):
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def layer_norm(tensors, name, x):
    centred = x - x.mean(-1, keepdims=True)
    scale = np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)
    return centred / scale * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def autoencoded(tensors, rows):
    """The latent vector of SRA and FIP."""
    h = np.zeros(tensors["encoder.weight_hh_l0"].shape[1])
    for row in rows:
        h = gru_step(tensors, "encoder", row, h)
    return linear(tensors, "latent", h)


def stacked(tensors, rows):
    """`[rows, E]` the outputs of MTL's GRUs over all rows, with their skip connections."""
    depth = 0
    while f"encoder.{depth}.weight_hh_l0" in tensors:
        depth += 1
    widths = [tensors[f"encoder.{j}.weight_hh_l0"].shape[1] for j in range(depth)]
    hidden, result = [np.zeros(w) for w in widths], []
    for row in rows:
        outputs = []
        for j in range(depth):
            x = outputs[-1] if outputs else row
            hidden[j] = gru_step(tensors, f"encoder.{j}", x, hidden[j])
            skips = [outputs[i] for i in range(max(0, j - 1)) if widths[i] == widths[j]]
            outputs.append(hidden[j] + sum(skips, np.zeros(widths[j])))
        result.append(outputs[-1])
    return np.array(result)


def attended(tensors, x, heads=2):
    """nn.TransformerEncoderLayer, post-norm with ReLU, in evaluation."""
    name, width = "transformer", x.shape[1]
    qkv = x @ tensors[f"{name}.self_attn.in_proj_weight"].T
    qkv = qkv + tensors[f"{name}.self_attn.in_proj_bias"]
    size, out = width // heads, np.empty_like(x)
    for head in range(heads):
        q, k, v = (qkv[:, part * width + head * size:part * width + (head + 1) * size]
                   for part in range(3))
        out[:, head * size:(head + 1) * size] = softmax(q @ k.T / math.sqrt(size)) @ v
    y = layer_norm(tensors, f"{name}.norm1", x + linear(tensors, f"{name}.self_attn.out_proj", out))
    inner = linear(tensors, f"{name}.linear2",
                   np.maximum(linear(tensors, f"{name}.linear1", y), 0))
    return layer_norm(tensors, f"{name}.norm2", y + inner)


def spanning(scalers, position):
    """The scaler of what all kinds of rows have at a position: as far as any of them reaches."""
    kinds = [table[position] for table in scalers.values()]
    ranges = [(s["low"], s["high"]) for s in kinds if s["high"] > s["low"]] or [(0.0, 0.0)]
    return dict(kinds[0], low=min(low for low, _ in ranges), high=max(high for _, high in ranges))


def end_row(user, events, scalers, as_of):
    """END, `[64]` (rows.md section 7): how the user stands at `as_of`."""
    def put(position, scaler, value):
        row[position] = scaled(np.array([float(value)]), scaler)[0]

    row = np.zeros(64)
    row[62] = 1
    put(59, spanning(scalers, 59), max(0, as_of - max(e.t for e, _, _ in events)))
    put(60, spanning(scalers, 60), max(0, as_of - user.first))
    week, newest = (as_of // 86_400 + 3) // 7, max(user.weeks)
    for age in range(17):
        kept = newest - 16 <= week - age <= newest
        put(16 + age, scalers["visit"][16 + age], user.weeks.get(week - age, 0) if kept else 0)
    return row.astype(np.float32).astype(np.float16).astype(np.float64)


def multi_task(tensors, rows, window, end):
    """z: the transformer reads the last rows only, the GRUs have read all before.

    `end` is the row after them, which no state keeps; None where the network reads none."""
    if end is not None:
        rows, window = np.vstack([rows, end]), window + 1
    a = attended(tensors, stacked(tensors, rows)[-window:]).mean(0)
    a = layer_norm(tensors, "pool_norm", a)
    m = layer_norm(tensors, "mlp.norm1", gelu(linear(tensors, "mlp.linear1", a)))
    m = layer_norm(tensors, "mlp.norm2", gelu(linear(tensors, "mlp.linear2", m)))
    return linear(tensors, "latent", a + m)


def bucket(seconds):
    return 0 if seconds <= 0 else min(seconds.bit_length(), 31)


def tokens_of(rows, vocabulary):
    """A row's index of each of ESA's fields; None where its kind has no such field."""
    def number(name, key):
        return vocabulary[name].get(key, 0)

    result = []
    for row in rows:
        event = row.event
        token = dict.fromkeys(ESA_FIELDS)
        token["kind"] = ONE_HOT[row.kind]
        token["weekday"] = (row.t // 86_400 + 3) % 7
        token["gap"] = bucket(row.gap)
        if row.table == PRODUCT_ROW:
            token["item"] = number("items", event.key)
            token["price"] = event.price
            if event.category is not None:
                token["category"] = number("categories", event.category)
        elif row.table == VISIT_ROW:
            token["url"] = number("urls", row.session.key)
        result.append(token)
    return result


def ended(tensors, tokens, seconds):
    """ESA's state after the rows and END, `seconds` after the newest event."""
    h = np.zeros(tensors["encoder.weight_hh_l0"].shape[1])
    end = dict.fromkeys(ESA_FIELDS)
    end["kind"], end["gap"] = tensors["heads.kind.weight"].shape[0] - 1, bucket(seconds)
    for token in tokens + [end]:
        x = sum(tensors[f"embeddings.{f}.weight"][i] for f, i in token.items() if i is not None)
        h = gru_step(tensors, "encoder", x, h)
    return h


class Factors:
    """BPR's frozen factors, and a user's vector folded in against them."""

    def __init__(self, path):
        tensors = read_safetensors(path)
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            training = json.loads(json.loads(file.read(length))["__metadata__"]["training"])
        self.options, self.weights = training["options"], training["weights"]
        self.place = {int(x): i for i, x in enumerate(tensors["ids"])}
        self.rows = tensors["factors"].astype(np.float64)
        self.sampled = self.quantiles(tensors["popularity"])

    @staticmethod
    def quantiles(popularity, count=128):
        """Items at the middle of `count` equal parts of cumulated popularity, most popular first."""
        order = sorted(range(len(popularity)), key=lambda i: (-popularity[i], i))
        ends = np.cumsum([int(popularity[i]) for i in order])
        middles = [(2 * step + 1) * int(ends[-1]) // (2 * count) for step in range(count)]
        return [order[int(np.searchsorted(ends, m, side="right"))] for m in middles]

    def vector(self, liked):
        """30 accelerated steps on BPR's objective for one user (bpr.h says which)."""
        sampled = [i for i in self.sampled if i not in set(liked)]
        if not liked or not sampled:
            return None
        h, s = self.rows[sorted(liked)], self.rows[sampled]
        factors = self.rows.shape[1] - 1
        mask = np.arange(factors + 1) < factors
        taken = self.options["rate"] * self.options["epochCount"] * len(liked)
        penalty = self.options["regularization"] + 1 / taken
        v = mask.astype(float)
        curve = 0.0
        for _ in range(8):
            v = v / math.sqrt(v @ v)
            g = (h.T @ (h @ v) / len(h) + s.T @ (s @ v) / len(s)) * mask
            curve, v = v @ g, g
        bound = 0.55 * curve + penalty
        w = (~mask).astype(float)
        v, momentum = w.copy(), 1.0
        for _ in range(30):
            pull = sigmoid(-((h @ v)[:, None] - (s @ v)[None, :]))
            g = (h.T @ pull.sum(1) - s.T @ pull.sum(0)) / pull.size - penalty * v
            following = (1 + math.sqrt(1 + 4 * momentum * momentum)) / 2
            moved = np.where(mask, v + g / bound, 1.0)
            v = np.where(mask, moved + (momentum - 1) / following * (moved - w), 1.0)
            w, momentum = moved, following
        return w

    def scores(self, counts, targets):
        """100 columns; `counts` are buys, adds, removes by key."""
        out = np.zeros(TARGETS)
        lanes = (self.weights["buy"], self.weights["add"], self.weights["remove"])
        liked = [self.place[key] for key, n in counts.items()
                 if key in self.place and sum(a * b for a, b in zip(n, lanes)) > 0]
        known = [t for t in targets if t in self.place]
        vector = self.vector(liked)
        if vector is None or not known:
            return out
        score = {t: float(self.rows[self.place[t]] @ vector) for t in known}
        mean = sum(score.values()) / len(score)
        out[:len(targets)] = [score.get(t, mean) for t in targets]
        return out


def statistics(user, events, shop, as_of):
    """The 48 columns of the part `stats`; `user` has folded `events` and closed its sessions."""
    times = {kind: [e.t for e, _, _ in events if e.kind == kind] for kind in KINDS}
    n = {kind: len(t) for kind, t in times.items()}
    total, products = len(events), n[ADD] + n[REMOVE] + n[BUY]

    def ratio(a, b):
        return a / b if b > 0 else 0.0

    def recency(seen):
        return 1 / (1 + max(0, as_of - max(seen)) / 86_400) if seen else 0.0

    days, newest_day = 0, None
    for event, _, _ in events:
        if newest_day is None or event.t // 86_400 > newest_day:
            days, newest_day = days + 1, event.t // 86_400
    week = (as_of // 86_400 + 3) // 7
    out = [math.log1p(n[k]) for k in KINDS] + [recency(times[k]) for k in KINDS]
    out += [recency([e.t for e, _, _ in events]),
            math.log1p(max(0, as_of - user.first) / 86_400), math.log1p(days),
            math.log1p(total), math.log1p(ratio(total, days))]
    for span in (1, 2, 4, 8, 17):
        out.append(math.log1p(sum(user.weeks.get(week - age, 0) for age in range(span))))
    visits = [r for r in user.rows if r.kind == VISIT]
    searches = [r for r in user.rows if r.kind == SEARCH]
    nearby = sum(r.values[14] for r in visits) + sum(r.values[19] for r in searches)
    out += [math.log1p(x) for x in (
        len(visits), len(searches), ratio(sum(r.values[15] for r in visits), len(visits)),
        ratio(sum(r.values[20] for r in searches), len(searches)),
        ratio(nearby, len(visits) + len(searches)), ratio(n[BUY], n[ADD]),
        ratio(n[REMOVE], n[ADD]))]
    out += [ratio(n[BUY], products), math.log1p(ratio(n[VISIT], products))]
    folded = [e for e, _, _ in events if e.kind in (ADD, REMOVE, BUY)]
    bought = [e.price for e in folded if e.kind == BUY and e.price is not None]
    added = [e.price for e in folded if e.kind == ADD and e.price is not None]
    out += [ratio(sum(bought), len(bought)) / 100, min(bought, default=0) / 100,
            max(bought, default=0) / 100, ratio(sum(added), len(added)) / 100, float(bool(bought))]
    keys, values = shop.frozen.tables["items"]
    buys = {int(k): v[0] for k, v in zip(keys, values)}
    out += [ratio(sum(math.log1p(buys.get(e.key, 0)) for e in folded), products),
            ratio(sum(e.key in shop.top_items for e in folded), products),
            ratio(sum(e.category in shop.top_categories for e in folded), products)]
    out += [math.log1p(len(t.table)) for t in (
        user.items, user.categories, user.name_clusters, user.urls, user.queries)]
    out += [t.entropy() for t in (user.items, user.categories, user.name_clusters, user.queries)]
    return out + [math.log1p(len(user.rows)), ratio(sum(late for _, _, late in events), total)]


class Model:
    """A space and a generation, as far as profiles are concerned."""

    def __init__(self, state, generation):
        folder = numbered(os.path.join(state, "generations"), generation)
        manifest = read_json(folder, "manifest.json")
        space = numbered(os.path.join(state, "spaces"), int(manifest["space"]))
        self.window = int(manifest["numbers"]["fold.row_window"])
        self.reads_end = set(read_json(space, "manifest.json").get("end_row", []))
        self.scalers = read_json(space, "scalers.json")
        ids = read_json(space, "vocabulary.json")
        self.vocabulary = {name: {int(x): i + 1 for i, x in enumerate(ids[name])}
                           for name in ("categories", "items", "urls")}
        self.targets = {name: [int(x) for x in ids]
                        for name, ids in read_json(space, "targets.json").items()}
        self.encoders = {}
        for name in sorted(os.listdir(os.path.join(space, "encoders"))):
            tensors = read_safetensors(os.path.join(space, "encoders", name))
            self.encoders[name.removesuffix(".safetensors")] = {
                key: value.astype(np.float64) for key, value in tensors.items()}
        scaling = os.path.join(space, "scaling.safetensors")
        self.scaling = read_safetensors(scaling) if os.path.exists(scaling) else {}
        self.factors = {}
        for name in ("items", "categories"):
            path = os.path.join(folder, "factors", f"{name}.safetensors")
            if os.path.exists(path):
                self.factors[name] = Factors(path)

    def profile(self, user, events, rows, shop, as_of):
        """Every part by its name. `user` is folded; `rows` are its finished rows, `[T, 64]`."""
        rows = rows.astype(np.float64)
        parts = {}
        for name in ("sra", "fip", "previous-sra"):
            if name in self.encoders:
                parts[name] = autoencoded(self.encoders[name], rows)
        for name in ("mtl", "mtl-propensity", "mtl-churn", "previous-mtl"):
            if name in self.encoders:
                end = (end_row(user, events, self.scalers, as_of)
                       if name in self.reads_end else None)
                parts[name] = multi_task(self.encoders[name], rows, self.window, end)
        for name in ("sra", "mtl"):
            previous = parts.pop(f"previous-{name}", None)
            if previous is not None:
                parts[name] = 0.7 * parts[name] + 0.3 * previous
        counts = {"items": {}, "categories": {}}
        for event in (row.event for row in user.rows if row.event is not None):
            for name, key in (("items", event.key), ("categories", event.category)):
                if key is not None:
                    counts[name].setdefault(key, [0, 0, 0])[LANE[event.kind]] += 1
        for part, name in (("bpr-sku", "items"), ("bpr-category", "categories")):
            factors = self.factors.get(name)
            parts[part] = (factors.scores(counts[name], self.targets[name]) if factors
                           else np.zeros(TARGETS))
        if "esa" in self.encoders:
            newest = max(e.t for e, _, _ in events)
            parts["esa"] = ended(self.encoders["esa"], tokens_of(user.rows, self.vocabulary),
                                 as_of - newest)
        parts["stats"] = np.array(statistics(user, events, shop, as_of))
        for part in ("esa", "stats"):
            if f"{part}.centre" in self.scaling:
                centre, factor = (self.scaling[f"{part}.{key}"].astype(np.float64)
                                  for key in ("centre", "factor"))
                parts[part] = np.clip((parts[part] - centre) * factor, -10, 10)
        return parts

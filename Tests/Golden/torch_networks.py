"""The networks of Sources/Learning/Networks as plain PyTorch modules, for the golden files.

Written from the published description, padded where ours is ragged. Members are named so that our
tensors load by `load_state_dict`. A user's rows are a float array [T, D]; batches are lists of them.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence


def run_gru(gru, rows):
    """Hidden states [B, Tmax, H] (zeros beyond a sequence's end) and last states [B, H]."""
    lengths = torch.tensor([len(r) for r in rows])
    packed = pack_padded_sequence(
        pad_sequence(rows, batch_first=True), lengths, batch_first=True, enforce_sorted=False)
    states, last = gru(packed)
    return pad_packed_sequence(states, batch_first=True)[0], last[0]


class SRA(nn.Module):
    """Also FIP: `targets` are the rows to be reconstructed."""

    def __init__(self, width, hidden, latent):
        super().__init__()
        self.encoder = nn.GRU(width, hidden, batch_first=True)
        self.decoder = nn.GRU(latent, hidden, batch_first=True)
        self.latent = nn.Linear(hidden, latent)
        self.output = nn.Linear(hidden, width)

    def loss(self, rows, targets, keeps=None, weights=None):
        """keeps: [T, D] of 0 and 1 for each user; weights: a number for each user."""
        z = self.latent(run_gru(self.encoder, rows)[1])
        longest = max(len(t) for t in targets)
        y = self.output(self.decoder(z[:, None].expand(-1, longest, -1))[0])
        total, count = 0, 0
        for u, target in enumerate(targets):
            error = (y[u, : len(target)] - target) ** 2
            if keeps is not None:
                error = error * keeps[u]
            total = total + error.sum() * (1 if weights is None else weights[u])
            count += len(target)
        return total / count


class Residual(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.linear1 = nn.Linear(width, hidden)
        self.norm1 = nn.LayerNorm(hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, a):
        gelu = nn.functional.gelu
        return a + self.norm2(gelu(self.linear2(self.norm1(gelu(self.linear1(a))))))


def head(*widths):
    a, b, c, d = widths
    return nn.Sequential(
        nn.Linear(a, b), nn.GELU(), nn.Dropout(0), nn.Linear(b, c), nn.GELU(), nn.Dropout(0),
        nn.Linear(c, d))


class MTL(nn.Module):
    def __init__(self, width, encoders, heads, forward, residual, latent, hidden, outputs):
        super().__init__()
        widths = [width] + encoders
        self.encoder = nn.ModuleList(
            nn.GRU(a, b, batch_first=True) for a, b in zip(widths, encoders))
        last = encoders[-1]
        self.transformer = nn.TransformerEncoderLayer(
            last, heads, forward, dropout=0, batch_first=True)
        self.pool_norm = nn.LayerNorm(last)
        self.mlp = Residual(last, residual)
        self.latent = nn.Linear(last, latent)
        self.churn = head(latent, *hidden, outputs[0])
        self.category = head(latent, *hidden, outputs[1])
        self.item = head(latent, *hidden, outputs[2])

    def latents(self, rows):
        lengths = [len(r) for r in rows]
        outputs, x = [], rows
        for j, gru in enumerate(self.encoder):
            y = run_gru(gru, x)[0]
            for i in range(j - 1):
                if outputs[i].shape[-1] == y.shape[-1]:
                    y = y + outputs[i]
            outputs.append(y)
            x = [y[u, :n] for u, n in enumerate(lengths)]
        y = outputs[-1]
        valid = torch.arange(y.shape[1])[None] < torch.tensor(lengths)[:, None]
        y = self.transformer(y, src_key_padding_mask=~valid)
        mask = valid[..., None].to(y.dtype)
        mean = (y * mask).sum(1) / mask.sum(1)
        return self.latent(self.mlp(self.pool_norm(mean)))

    def losses(self, rows, labels):
        """Mean binary cross-entropies of churn, categories and items."""
        z = self.latents(rows)
        return [
            nn.functional.binary_cross_entropy_with_logits(task(z), label)
            for task, label in zip((self.churn, self.category, self.item), labels)]


FIELDS = ["kind", "category", "price", "item", "url", "weekday", "gap"]
ROW_TYPES = 5


class ESA(nn.Module):
    """One user after the other, without padding: the slowest way, and the plainest."""

    def __init__(self, embedding, hidden, counts):
        """counts: values to be predicted, for each field; START is one type more."""
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {f: nn.Embedding(n + (f == "kind"), embedding) for f, n in zip(FIELDS, counts)})
        self.encoder = nn.GRU(embedding, hidden)
        self.decoder = nn.GRU(embedding, hidden)
        self.heads = nn.ModuleDict({f: nn.Linear(hidden, n) for f, n in zip(FIELDS, counts)})

    def embed(self, token):
        present = [self.embeddings[f](torch.tensor(v)) for f, v in zip(FIELDS, token) if v >= 0]
        return sum(present)

    def losses(self, users):
        """users: (tokens, END's bucket). Mean cross-entropy of each field over its labels."""
        sums, counts = [0.0] * len(FIELDS), [0] * len(FIELDS)
        for tokens, bucket in users:
            sequence = tokens + [[ROW_TYPES, -1, -1, -1, -1, -1, bucket]]
            _, h = self.encoder(torch.stack([self.embed(t) for t in sequence]))
            read = [[ROW_TYPES + 1] + [-1] * 6] + tokens
            states, _ = self.decoder(torch.stack([self.embed(t) for t in read]), h)
            for state, token in zip(states, sequence):
                for k, f in enumerate(FIELDS):
                    if token[k] >= 0:
                        sums[k] = sums[k] + nn.functional.cross_entropy(
                            self.heads[f](state), torch.tensor(token[k]))
                        counts[k] += 1
        return [s / n for s, n in zip(sums, counts)]


# Positions each kind of row uses: Sources/Features/RowLayout.swift, docs/rows.md.
COMMON = [*range(8), 59, 60, 61]
USED = {"product": [*COMMON, *range(8, 59)], "visit": [*COMMON, *range(8, 33)],
        "search": [*COMMON, *range(8, 37)], "empty": [*range(5), 61]}


def keep(kind):
    """[64] of 0 and 1; kind: 0 buy, 1 add, 2 remove, 3 visit, 4 search, or "empty"."""
    name = kind if kind == "empty" else ["product"] * 3 + ["visit", "search"]
    mask = np.zeros(64)
    mask[USED[name if isinstance(name, str) else name[kind]]] = 1
    return mask

"""SRA, MTL and ESA trained for one epoch by PyTorch on the CPU: what Benchmarks/Epochs.swift compares with.

    UBPD_PEER_PYTHON=python make bench        a Python that has torch

Reads one JSON object a line, {"network", "form", "precision", "threads", "examples", "weights", "batches"},
trains one epoch from those weights over those batches, and answers {"seconds", "losses"}: means of each
term over the epoch. Batches are padded to their longest sequence and run by nn.GRU, as published trainers
do it; what is padded is masked out of losses, of the attention and of the means, and ESA's heads see real
tokens alone. bfloat16 is torch.autocast. Padding and copying are timed, since they belong to each batch;
reading the files is not.
"""

import json
import struct
import sys
import time

import numpy as np
import torch
from torch import nn

TYPES = 5
FIELDS = ["kind", "category", "price", "item", "url", "weekday", "gap"]
# Positions each kind of row uses: Sources/Features/RowLayout.swift.
COMMON = [*range(8), 59, 60, 61]
KEEP = torch.zeros(TYPES, 64)
for kind, last in enumerate([59, 59, 59, 33, 37]):
    KEEP[kind, [*COMMON, *range(8, last)]] = 1


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    types = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
    return {
        name: np.frombuffer(data[slice(*t["data_offsets"])], types[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items() if name != "__metadata__"}


class SRA(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.encoder = nn.GRU(64, 256, batch_first=True)
        self.decoder = nn.GRU(128, 256, batch_first=True)
        self.latent = nn.Linear(256, 128)
        self.output = nn.Linear(256, 64)

    def forward(self, data, users):
        rows, lengths, mask = data.padded(users)
        states, _ = self.encoder(rows)
        z = self.latent(states[torch.arange(len(users)), lengths - 1])
        decoded, _ = self.decoder(z[:, None].expand(-1, rows.shape[1], -1))
        # Rows of no type do not occur.
        keep = KEEP[rows[..., :TYPES].argmax(-1)] * mask[..., None]
        error = ((self.output(decoded).float() - rows) ** 2 * keep).sum()
        return [(error, int(lengths.sum()), 1.0)]


class Residual(nn.Module):
    def __init__(self, width, hidden, dropout):
        super().__init__()
        self.linear1, self.norm1 = nn.Linear(width, hidden), nn.LayerNorm(hidden)
        self.linear2, self.norm2 = nn.Linear(hidden, width), nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def forward(self, a):
        x = self.drop(self.norm1(nn.functional.gelu(self.linear1(a))))
        return a + self.norm2(nn.functional.gelu(self.linear2(x)))


def head(outputs):
    return nn.Sequential(
        nn.Linear(128, 512), nn.GELU(), nn.Dropout(0.2), nn.Linear(512, 256), nn.GELU(), nn.Dropout(0.2),
        nn.Linear(256, outputs))


class MTL(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.outputs = [weights[f"{task}.6.weight"].shape[0] for task in ("churn", "category", "item")]
        self.encoder = nn.ModuleList([nn.GRU(64, 128, batch_first=True)])
        self.transformer = nn.TransformerEncoderLayer(128, 2, 256, dropout=0.1, batch_first=True)
        self.pool_norm = nn.LayerNorm(128)
        self.mlp = Residual(128, 512, 0.3)
        self.drop = nn.Dropout(0.3)
        self.latent = nn.Linear(128, 128)
        self.churn, self.category, self.item = (head(n) for n in self.outputs)

    def forward(self, data, users):
        rows, lengths, mask = data.padded(users)
        x = self.transformer(self.encoder[0](rows)[0], src_key_padding_mask=~mask)
        mean = (x * mask[..., None]).sum(1) / lengths[:, None]
        z = self.latent(self.drop(self.mlp(self.pool_norm(mean))))
        result = []
        tasks = [self.churn, self.category, self.item]
        for task, labels, weight in zip(tasks, data.labels(users, self.outputs), [0.3, 0.35, 0.35]):
            loss = nn.functional.binary_cross_entropy_with_logits(
                task(z).float(), labels, reduction="sum")
            result.append((loss, labels.numel(), weight))
        return result


class ESA(nn.Module):
    def __init__(self, weights):
        super().__init__()
        counts = [weights[f"heads.{f}.weight"].shape[0] for f in FIELDS]
        # One more row of zeros stands for fields that a token does not have.
        self.embeddings = nn.ModuleDict(
            {f: nn.Embedding(n + 1 + (f == "kind"), 128, padding_idx=n + (f == "kind"))
             for f, n in zip(FIELDS, counts)})
        self.encoder = nn.GRU(128, 256, batch_first=True)
        self.decoder = nn.GRU(128, 256, batch_first=True)
        self.heads = nn.ModuleDict({f: nn.Linear(256, n) for f, n in zip(FIELDS, counts)})

    def embed(self, tokens):
        total = 0
        for k, f in enumerate(FIELDS):
            table, indices = self.embeddings[f], tokens[..., k]
            total = total + table(torch.where(indices < 0, table.padding_idx, indices))
        return total

    def forward(self, data, users):
        read, shifted, lengths, mask = data.tokens(users)
        states, _ = self.encoder(self.embed(read))
        h = states[torch.arange(len(users)), lengths - 1]
        decoded, _ = self.decoder(self.embed(shifted), h[None].contiguous())
        decoded, read = decoded[mask], read[mask]
        result = []
        for k, f in enumerate(FIELDS):
            present = read[:, k] >= 0
            labels = read[present, k]
            logits = self.heads[f](decoded[present]).float()
            loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
            result.append((loss, len(labels), 1.0))
        return result


class Data:
    def __init__(self, path):
        file = read_safetensors(path)
        self.lengths = file["lengths"]
        ends = np.cumsum(self.lengths)
        rows, tokens = file["rows"].astype(np.float32), file["tokens"]
        self.rows = [torch.tensor(rows[e - n : e]) for n, e in zip(self.lengths, ends)]
        end_tokens = [[TYPES] + [-1] * 5 + [int(b)] for b in file["ends"]]
        start = torch.tensor([[TYPES + 1] + [-1] * 6])
        self.read = [torch.cat([torch.tensor(tokens[e - n : e]), torch.tensor([t])])
                     for n, e, t in zip(self.lengths, ends, end_tokens)]
        self.shifted = [torch.cat([start, r[:-1]]) for r in self.read]
        self.churn = torch.tensor(file["churn"], dtype=torch.float32)[:, None]
        self.bought = {}
        for user, which, place in file["labels"].tolist():
            self.bought.setdefault((user, which), []).append(place)

    @staticmethod
    def pad(sequences, value=0.0):
        return nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=value)

    def padded(self, users):
        lengths = torch.tensor(self.lengths[users])
        rows = self.pad([self.rows[u] for u in users])
        return rows, lengths, torch.arange(rows.shape[1])[None] < lengths[:, None]

    def tokens(self, users):
        lengths = torch.tensor(self.lengths[users]) + 1
        read, shifted = (self.pad([of[u] for u in users], -1) for of in (self.read, self.shifted))
        return read, shifted, lengths, torch.arange(read.shape[1])[None] < lengths[:, None]

    def labels(self, users, outputs):
        lists = []
        for which, count in enumerate(outputs[1:]):
            wanted = torch.zeros(len(users), count)
            for row, user in enumerate(users):
                for place in self.bought.get((user, which), []):
                    wanted[row, place] = 1
            lists.append(wanted)
        return [self.churn[users], *lists]


def load(network, weights):
    state = network.state_dict()
    for name, tensor in state.items():
        values = torch.tensor(weights[name])
        tensor.zero_()
        tensor[: len(values)] = values
    network.load_state_dict(state)


def epoch(kind, data, weights, batches, autocast):
    torch.manual_seed(1)
    network = kind(weights)
    load(network, weights)
    if kind is MTL:
        optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    else:
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    sums = counts = None
    start = time.perf_counter()
    for users in batches:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            terms = network(data, users)
        sum(weight * loss / count for loss, count, weight in terms if count).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        sums = [s + loss.item() for s, (loss, _, _) in zip(sums or [0.0] * len(terms), terms)]
        counts = [c + count for c, (_, count, _) in zip(counts or [0] * len(terms), terms)]
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "losses": [s / c if c else 0.0 for s, c in zip(sums, counts)]}


files = {}
print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    for path, reader in ((request["examples"], Data), (request["weights"], read_safetensors)):
        if path not in files:
            files[path] = reader(path)
    if torch.get_num_threads() != request["threads"]:
        torch.set_num_threads(request["threads"])
    kind = {"sra": SRA, "mtl": MTL, "esa": ESA}[request["network"]]
    answer = epoch(
        kind, files[request["examples"]], files[request["weights"]], request["batches"],
        request["precision"] == "bfloat16")
    print(json.dumps(answer), flush=True)

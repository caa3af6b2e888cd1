"""SRA and MTL of the published sizes, trained in PyTorch on any rows of width 64."""

import os
import sys

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_sequence

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Golden"))

import torch_networks
from torch_networks import keep

BATCH = 128
CLIP = 1.0
GROUPS = (2, 8, 32, 1 << 30)
TASKS = (0.3, 0.35, 0.35)
KEEPS = torch.tensor(np.stack([keep(kind) for kind in range(5)]), dtype=torch.float32)


class SRA(torch_networks.SRA):
    def __init__(self, hidden=256, latent=128):
        super().__init__(64, hidden, latent)

    def latents(self, rows):
        return self.latent(torch_networks.run_gru(self.encoder, rows)[1])

    def loss(self, rows, labels, masked):
        """The published loss over real rows; `masked` leaves out what a kind of row has not."""
        lengths = torch.tensor([len(r) for r in rows])
        x = pack_padded_sequence(
            pad_sequence(rows, batch_first=True), lengths, batch_first=True, enforce_sorted=False)
        z = self.latent(self.encoder(x)[1][0])
        steps = pack_padded_sequence(
            z[:, None].expand(-1, int(lengths.max()), -1), lengths, batch_first=True,
            enforce_sorted=False)
        y = self.output(self.decoder(PackedSequence(*steps))[0].data)
        error = (y - x.data) ** 2
        if masked:
            error = error * KEEPS[x.data[:, :5].argmax(1)]
        else:
            error = error[:, :59]
        return error.sum() / len(x.data)


class Residual(torch_networks.Residual):
    def __init__(self, width, hidden, dropout):
        super().__init__(width, hidden)
        self.inner, self.outer = nn.Dropout(dropout), nn.Dropout(dropout)

    def forward(self, a):
        gelu = nn.functional.gelu
        h = self.inner(self.norm1(gelu(self.linear1(a))))
        return self.outer(a + self.norm2(gelu(self.linear2(h))))


class MTL(torch_networks.MTL):
    """Dropouts of the published configuration; a task without labels has no loss."""

    def __init__(self, outputs):
        super().__init__(64, [128], 2, 256, 512, 128, (512, 256), [max(1, n) for n in outputs])
        self.transformer = nn.TransformerEncoderLayer(
            128, 2, 256, dropout=0.1, batch_first=True)
        self.mlp = Residual(128, 512, 0.3)
        for task in (self.churn, self.category, self.item):
            for module in task:
                if isinstance(module, nn.Dropout):
                    module.p = 0.2

    def latents(self, rows):
        """In groups of like length, since half of a shop's users have one row: less padding, the
        same batch."""
        groups = [[] for _ in GROUPS]
        for i, r in enumerate(rows):
            groups[next(g for g, most in enumerate(GROUPS) if len(r) <= most)].append(i)
        groups = [g for g in groups if g]
        z = torch.cat([super(MTL, self).latents([rows[i] for i in g]) for g in groups])
        return z[torch.tensor(sum(groups, [])).argsort()]

    def loss(self, rows, labels, masked):
        z, total = self.latents(rows), 0
        for task, label, factor in zip((self.churn, self.category, self.item), labels, TASKS):
            if label.shape[1]:
                total = total + factor * nn.functional.binary_cross_entropy_with_logits(
                    task(z), label)
        return total


def trained(network, optimizer, rows, labels, epochs, seed, masked):
    """Shuffled batches in an order that the seed alone gives; the last epoch's weights."""
    rows = [torch.from_numpy(r) for r in rows]
    labels = [torch.from_numpy(x) for x in labels]
    order = torch.Generator().manual_seed(seed)
    network.train()
    for epoch in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(rows), generator=order).split(BATCH):
            loss = network.loss([rows[i] for i in batch], [x[batch] for x in labels], masked)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
            total += loss.item() * len(batch)
        print(f"  epoch {epoch + 1}: {total / len(rows):.4f}", file=sys.stderr, flush=True)
    return network


def trained_sra(rows, epochs, seed, masked):
    torch.manual_seed(seed)
    network = SRA()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    return trained(network, optimizer, rows, [], epochs, seed, masked)


def trained_mtl(rows, labels, epochs, seed):
    torch.manual_seed(seed)
    network = MTL([x.shape[1] for x in labels])
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.01)
    return trained(network, optimizer, rows, labels, epochs, seed, False)


@torch.no_grad()
def embedded(network, rows):
    """`[users, 128]` float32."""
    network.eval()
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i]), i))
    result = np.zeros((len(rows), 128), np.float32)
    for start in range(0, len(order), 256):
        part = order[start:start + 256]
        result[part] = network.latents([torch.from_numpy(rows[i]) for i in part]).numpy()
    return result

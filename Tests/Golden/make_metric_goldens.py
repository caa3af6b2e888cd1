"""Prints the numbers of Tests/EvaluationTests/TaskMetricsTests.swift that torchmetrics gives.

    pip install torch torchmetrics==1.9.0; python3 Tests/Golden/make_metric_goldens.py

Diversity and novelty are the formulas of reference/evaluation-protocol.md §4 in float32 torch, as
the organisers' are.
"""

import numpy as np
import torch
from torchmetrics import AUROC


def binary(batches, labels):
    metric = AUROC(task="binary")
    start = 0
    for batch in batches:
        metric.update(torch.tensor(batch), torch.tensor(labels[start:start + len(batch)]))
        start += len(batch)
    return metric.compute().item()


print("mixed", binary([[-2.0, -1.0], [0.1, 0.2]], [0, 0, 1, 1]))
print("together", binary([[-2.0, -1.0, 0.1, 0.2]], [0, 0, 1, 1]))
print("one class", binary([[-2.0, -1.0, 0.1]], [0, 0, 0]))
print("saturated", binary([[20.0, 25.0, 0.0, -1.0]], [0, 1, 1, 0]))

n, m = 300, 15
i = torch.arange(n, dtype=torch.float64)[:, None]
j = torch.arange(m, dtype=torch.float64)
logits = (torch.round(64 * (3 * torch.sin(0.37 * i + 1.7 * j + 0.003 * i * j) - 5)) / 64).float()
labels = ((7 * torch.arange(n)[:, None] + 3 * torch.arange(m)) % 11 == 0).long()
labels[:, 3] = 0
labels[:, 4] = 1
popularity = ((5 * torch.arange(m)) % 13 + 1).float()

metric = AUROC(task="multilabel", num_labels=m)
for start in range(0, n, 128):
    metric.update(logits[start:start + 128], labels[start:start + 128])
print("multilabel", metric.compute().item())
p = torch.sigmoid(logits)
q = p / p.sum(1, keepdim=True)
entropy = -(q * torch.log2(q + 10e-10)).sum(1).sum()
print("diversity", (entropy / ((n + 1e-9) * np.log2(m))).item())
k = min(10, m)
popularity = popularity / torch.topk(popularity, k).values.sum()
values, places = torch.topk(p, k, dim=1)
print("novelty", ((1 - (values * popularity[places]).sum() / (n + 1e-9)) ** 100).item())

"""Makes Tests/Golden/downstream_goldens.safetensors: the challenge's downstream network by PyTorch.

    pip install torch safetensors; python3 Tests/Golden/make_downstream_goldens.py

The module as reference/evaluation-protocol.md §3 describes it, in float64, E = 5, width 6, inside
10, two blocks, three outputs, seven users, by formula (Tests/EvaluationTests/DownstreamTests.swift
has the same):

    tensor k of `state_dict`, row-major index i:   0.4 sin(1.37 i + 0.11 k), 1 more in norms' weights
    input of user u, column j:                     sin(0.9 u + 0.4 j + 0.3 u j)
    label j of user u:                             1 where (u + j) mod 3 = 0

`logits`, `loss` and gradients of all seven users; then AdamW's steps over batches of three users,
the last of one, for two epochs: the loss of each step and the weights at the end. Also prints what the
published sizes count. Each tensor is stored as the bit patterns of its float64 numbers, in int64.
"""

import os

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

torch.set_default_dtype(torch.float64)


class Bottleneck(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.l1 = nn.Linear(width, hidden)
        self.l2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.l2(nn.functional.gelu(self.l1(x)))


class Net(nn.Module):
    def __init__(self, inputs, width, hidden, blocks, outputs):
        super().__init__()
        self.input_projection = nn.Linear(inputs, width)
        self.ln_input = nn.LayerNorm(width)
        self.layernorms = nn.ModuleList([nn.LayerNorm(width) for _ in range(blocks)])
        self.bottlenecks = nn.ModuleList([Bottleneck(width, hidden) for _ in range(blocks)])
        self.ln_output = nn.LayerNorm(width)
        self.linear_output = nn.Linear(width, outputs)

    def forward(self, x):
        h = self.ln_input(self.input_projection(x))
        for norm, block in zip(self.layernorms, self.bottlenecks):
            h = h + block(norm(h))
        return self.linear_output(self.ln_output(h))


with torch.device("meta"):
    for inputs, outputs in [(320, 1), (320, 100), (2048, 1), (2048, 100)]:
        count = sum(p.numel() for p in Net(inputs, 2048, 4096, 3, outputs).parameters())
        print(inputs, outputs, count)

goldens = {}


def put(name, values):
    goldens[name] = np.ascontiguousarray(np.asarray(values, dtype=np.float64)).view(np.int64)


net = Net(5, 6, 10, 2, 3)
with torch.no_grad():
    for k, (name, tensor) in enumerate(net.named_parameters()):
        i = torch.arange(tensor.numel(), dtype=torch.float64).reshape(tensor.shape)
        is_norm = ("ln_" in name or "layernorms" in name) and name.endswith("weight")
        tensor.copy_(0.4 * torch.sin(1.37 * i + 0.11 * k) + (1 if is_norm else 0))
u = torch.arange(7, dtype=torch.float64)[:, None]
x = torch.sin(0.9 * u + 0.4 * torch.arange(5) + 0.3 * u * torch.arange(5))
y = ((torch.arange(7)[:, None] + torch.arange(3)) % 3 == 0).double()

bce = nn.functional.binary_cross_entropy_with_logits
logits = net(x)
loss = bce(logits, y)
loss.backward()
put("logits", logits.detach())
put("loss", [loss.item()])
for name, tensor in net.named_parameters():
    put(f"gradients.{name}", tensor.grad)

optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
losses = []
for _ in range(2):
    for start in range(0, 7, 3):
        optimizer.zero_grad()
        loss = bce(net(x[start:start + 3]), y[start:start + 3])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
put("losses", losses)
for name, tensor in net.named_parameters():
    put(f"weights.{name}", tensor.detach())

path = os.path.join(os.path.dirname(__file__), "downstream_goldens.safetensors")
save_file(goldens, path)
print(len(goldens), "tensors,", os.path.getsize(path), "bytes")

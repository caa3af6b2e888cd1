"""Makes Tests/Golden/network_goldens.safetensors: losses and gradients by PyTorch's autograd.

    pip install torch safetensors; python3 Tests/Golden/make_network_goldens.py

Small networks of torch_networks.py in float64, ragged batches of five users, everything by formula
(Tests/LearningTests/Networks/GoldenNetworks.swift has the same ones):

    tensor k of `state_dict`, row-major index i:   0.4 sin(1.37 i + 0.11 k), 1 more in norms' weights
    row t of user u, position j:                   float16(sin(0.7 u + 0.31 t + 0.13 j + 0.5 u t)),
                                                   but positions 0…4: one-hot of kind (u + t) mod 5,
                                                   and positions 61…63: 0
    a future's row t:                              that of the user's row 20 + t

Each tensor is stored as the bit patterns of its float64 numbers, in int64.
"""

import os

import numpy as np
import torch
from safetensors.numpy import save_file
from torch_networks import ESA, MTL, SRA, keep

torch.set_default_dtype(torch.float64)
LENGTHS = [3, 1, 4, 2, 4]
FUTURES = [2, 0, 3, 1, 0]
EMPTY = np.eye(64)[61]
goldens = {}


def row(u, t):
    j = np.arange(64)
    x = np.sin(0.7 * u + 0.31 * t + 0.13 * j + 0.5 * u * t).astype(np.float32)
    x = x.astype(np.float16).astype(np.float64)
    x[:5] = np.eye(5)[(u + t) % 5]
    x[61:] = 0
    return x


def rows(u, count, first=0):
    return torch.tensor(np.array([row(u, first + t) for t in range(count)]))


def fill(network):
    """The formula's tensors, loaded by name."""
    state = network.state_dict()
    for k, (name, tensor) in enumerate(state.items()):
        value = 0.4 * torch.sin(1.37 * torch.arange(tensor.numel()) + 0.11 * k)
        norm = "norm" in name and name.endswith("weight")
        state[name] = value.reshape(tensor.shape) + (1 if norm else 0)
    network.load_state_dict(state)
    return network


def put(name, tensor):
    values = np.atleast_1d(np.asarray(tensor, dtype=np.float64))
    goldens[name] = np.ascontiguousarray(values).view(np.int64)


def record(name, network, losses, weights):
    loss = sum(w * l for w, l in zip(weights, losses))
    network.zero_grad()
    loss.backward()
    put(f"{name}.losses", [l.item() for l in losses])
    for parameter, tensor in network.named_parameters():
        grad = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        put(f"{name}.gradients.{parameter}", grad.numpy())


own = [rows(u, n) for u, n in enumerate(LENGTHS)]
own_keeps = [
    torch.tensor(np.array([keep((u + t) % 5) for t in range(n)])) for u, n in enumerate(LENGTHS)]
futures = [
    rows(u, n, first=20) if n else torch.tensor(EMPTY[None]) for u, n in enumerate(FUTURES)]
future_keeps = [
    torch.tensor(np.array([keep((u + 20 + t) % 5) for t in range(n)] or [keep("empty")]))
    for u, n in enumerate(FUTURES)]

sra = fill(SRA(64, 10, 6))
record("sra", sra, [sra.loss(own, own, own_keeps)], [1])
put("sra.unmasked", sra.loss(own, own).item())
fip_weights = [1 if n else 0.8 for n in FUTURES]
record("fip", sra, [sra.loss(own, futures, future_keeps, fip_weights)], [1])

labels = [
    torch.tensor([[float(u % 2)] for u in range(5)]),
    torch.tensor([[float((u + c) % 3 == 0) for c in range(5)] for u in range(5)]),
    torch.tensor([[float(u * c % 4 == 1) for c in range(4)] for u in range(5)])]
for name, encoders, latent, weights in [
        ("mtl", [8], 6, [0.3, 0.35, 0.35]), ("stack", [8, 8, 6, 8, 8], 6, [0.3, 0.35, 0.35]),
        ("churn", [8], 3, [1, 0, 0])]:
    mtl = fill(MTL(64, encoders, 2, 12, 14, latent, [10, 9], [1, 5, 4]))
    record(name, mtl, mtl.losses(own, labels), weights)
    put(f"{name}.latents", mtl.latents(own).detach().numpy())


def token(u, t):
    """Row t of user u: kind, category, price, item, url, weekday, gap."""
    kind = (u + 2 * t) % 5
    product, visit = kind < 3, kind == 3
    return [
        kind, (u + t) % 6 if product else -1, (2 * u + t) % 5 if product else -1,
        (3 * u + 5 * t) % 11 if product else -1, (u + 3 * t) % 8 if visit else -1,
        (u + t) % 7, (2 * u + 3 * t) % 10]


esa = fill(ESA(7, 9, [6, 6, 5, 11, 8, 7, 10]))
users = [([token(u, t) for t in range(n)], (u + 1) % 10) for u, n in enumerate(LENGTHS)]
record("esa", esa, esa.losses(users), [1] * 7)

path = os.path.join(os.path.dirname(__file__), "network_goldens.safetensors")
save_file(goldens, path)
print(len(goldens), "tensors,", os.path.getsize(path), "bytes")

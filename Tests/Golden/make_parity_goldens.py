"""Makes Tests/Golden/parity_losses.txt: PyTorch's losses over 50 training steps.

    pip install torch; python3 Tests/Golden/make_parity_goldens.py

SRA by Adam and MTL by AdamW, gradient norm clipped at 1, no dropout; at the published sizes in
float32, and small in float64. Weights and batches are drawn as Tests/LearningTests/Networks/
TrainingParityTests.swift draws them, from the product's seeded generator.
"""

import os

import numpy as np
import torch
from torch_networks import MTL, SRA, keep

STEPS, USERS = 50, 16
MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    """SplitMix64's finalizer on numpy's uint64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def units(seed, stream, count):
    """The first numbers in [0, 1) of a stream of Storage.SeededRandom."""
    with np.errstate(over="ignore"):
        start = mix(np.uint64((seed + GOLDEN) & MASK))
        start = start ^ mix(np.uint64((stream * 0xD1B54A32D192ED03) & MASK))
        bits = mix(start + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN))
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def initial(name, shape):
    """The bound of U(-bound, bound), by PyTorch's defaults; or the constant."""
    if "norm" in name:
        return None, 1.0 if name.endswith("weight") else 0.0
    if name.endswith("in_proj_weight"):
        return np.sqrt(6 / (shape[0] + shape[1])), None
    if name.endswith(("in_proj_bias", "out_proj.bias")):
        return None, 0.0
    return "fan", None


def draw_weights(network):
    state = network.state_dict()
    for k, (name, tensor) in enumerate(state.items()):
        bound, constant = initial(name, tensor.shape)
        if constant is not None:
            tensor.fill_(constant)
            continue
        if bound == "fan":
            # A GRU's n is H; a linear layer's is the width of its weight, for its bias as well.
            if "_l0" in name:
                n = tensor.shape[0] // 3
            else:
                n = state[name.rsplit(".", 1)[0] + ".weight"].shape[1]
            bound = 1 / np.sqrt(n)
        values = ((2 * units(5, k, tensor.numel()) - 1) * bound).astype(np.float32)
        tensor.copy_(torch.tensor(values).reshape(tensor.shape))
    network.load_state_dict(state)


def batch(step, categories, items, dtype):
    """Rows, masks and labels of a step's users."""
    rows, keeps, labels = [], [], [[], [], []]
    for user in range(USERS):
        draws = units(1, step * USERS + user, 1 + 12 * 65)
        length = 1 + int(draws[0] * 12)
        sequence, masks, kinds = [], [], []
        for t in range(length):
            part = draws[1 + 65 * t : 1 + 65 * (t + 1)]
            kind = int(part[0] * 5)
            row = (2 * part[1:] - 1).astype(np.float32).astype(np.float16).astype(np.float64)
            row[:5] = np.eye(5)[kind]
            row[61:] = 0
            sequence.append(row)
            masks.append(keep(kind))
            kinds.append(kind)
        rows.append(torch.tensor(np.array(sequence), dtype=dtype))
        keeps.append(torch.tensor(np.array(masks), dtype=dtype))
        labels[0].append([float(kinds[0] < 2)])
        labels[1].append([float((kinds[0] + c) % 5 == 0) for c in range(categories)])
        labels[2].append([float((length + i) % 4 == 0) for i in range(items)])
    return rows, keeps, [torch.tensor(l, dtype=dtype) for l in labels]


def train(network, optimiser, loss_of):
    losses = []
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = loss_of(step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    return losses


def runs(size, dtype):
    torch.set_default_dtype(dtype)
    published = size == "published"
    sra = SRA(64, 256, 128) if published else SRA(64, 24, 12)
    draw_weights(sra)

    def sra_loss(step):
        rows, keeps, _ = batch(step, 1, 1, dtype)
        return sra.loss(rows, rows, keeps)

    yield f"sra.{size}", train(sra, torch.optim.Adam(sra.parameters(), lr=1e-3), sra_loss)
    categories, items = (100, 100) if published else (7, 5)
    if published:
        mtl = MTL(64, [128], 2, 256, 512, 128, [512, 256], [1, 100, 100])
    else:
        mtl = MTL(64, [16], 2, 24, 32, 12, [20, 18], [1, 7, 5])
    draw_weights(mtl)

    def mtl_loss(step):
        rows, _, labels = batch(step, categories, items, dtype)
        return sum(w * l for w, l in zip([0.3, 0.35, 0.35], mtl.losses(rows, labels)))

    optimiser = torch.optim.AdamW(mtl.parameters(), lr=1e-3, weight_decay=0.01)
    yield f"mtl.{size}", train(mtl, optimiser, mtl_loss)


path = os.path.join(os.path.dirname(__file__), "parity_losses.txt")
with open(path, "w") as file:
    for size, dtype in [("small", torch.float64), ("published", torch.float32)]:
        for name, losses in runs(size, dtype):
            print(name, losses[0], "...", losses[-1])
            file.write(" ".join([name] + [repr(l) for l in losses]) + "\n")

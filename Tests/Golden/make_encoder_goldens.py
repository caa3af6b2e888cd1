"""Golden values of MTLEncoder and ESAEncoder, by PyTorch in float64.

    pip install torch numpy safetensors; python3 Tests/Golden/make_encoder_goldens.py

writes encoder_goldens.safetensors beside itself: state dicts as PyTorch names them, inputs, outputs.
A small MTL with three GRUs, the first of which skips to the third, looks at each user's last four
rows, its GRUs having read all of them. Tests/EncodersTests read it.
"""

import pathlib

import numpy
import torch
from safetensors.numpy import save_file

from torch_networks import ESA, MTL

torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
numbers = numpy.random.default_rng(21)
goldens = {}


def keep(name, values):
    array = numpy.asarray(values.detach().numpy() if torch.is_tensor(values) else values)
    goldens[name] = numpy.ascontiguousarray(array.astype(numpy.float32))


def keep_state(prefix, module):
    """float32 weights, stretched so that no layer is near its start."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            tensor.copy_((tensor * 2 + 0.1 * torch.randn_like(tensor)).float().double())
            keep(f"{prefix}.{name}", tensor)


def mtl(window):
    network = MTL(5, [6, 6, 6], 2, 7, 9, 4, (5, 3), (1, 3, 2)).eval()
    keep_state("mtl", network)
    users = [numbers.normal(size=(n, 5)).astype(numpy.float16) for n in (9, 4, 1)]
    keep("mtl_rows", numpy.concatenate(users))
    latents = []
    for rows in users:
        x, outputs = torch.from_numpy(rows.astype(numpy.float64))[None], []
        for j, gru in enumerate(network.encoder):
            x = gru(x)[0] + sum(outputs[: max(j - 1, 0)])
            outputs.append(x)
        seen = network.transformer(x[:, -window:])
        latents.append(network.latent(network.mlp(network.pool_norm(seen.mean(1)))))
    z = torch.cat(latents)
    keep("mtl_latents", z)
    for name in ("churn", "category", "item"):
        keep(f"mtl_{name}", getattr(network, name)(z))


def esa():
    counts = [6, 4, 10, 8, 7, 7, 5]
    network = ESA(6, 9, counts)
    keep_state("esa", network)
    tokens = [[0, 1, 9, 7, -1, 6, 0], [3, -1, -1, -1, 6, 0, 4], [4, -1, -1, -1, -1, 3, 2]]
    keep("esa_tokens", tokens)
    sequence = tokens + [[5, -1, -1, -1, -1, -1, 3]]
    states, last = network.encoder(torch.stack([network.embed(t) for t in sequence]))
    keep("esa_hidden", states[2]), keep("esa_ended", last[0])


mtl(window=4)
esa()
save_file(goldens, pathlib.Path(__file__).with_name("encoder_goldens.safetensors"))
print(len(goldens), "tensors, torch", torch.__version__)

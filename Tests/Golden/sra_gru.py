"""Golden numbers of Tests/KernelsTests/GRUGoldenTests.swift: PyTorch's nn.GRU in float64.

    pip install torch; python3 Tests/Golden/sra_gru.py

Parameter tensor k (weight_ih, weight_hh, bias_ih, bias_hh), row-major index i: 0.4 sin(0.37 i +
0.11 k). Input x[t][b][j] = cos(0.13 t + 0.07 j + 0.5 b); two users, five steps, from h = 0.
"""

import torch

torch.set_default_dtype(torch.float64)


def golden(inputs: int, hidden: int) -> None:
    gru = torch.nn.GRU(inputs, hidden)
    with torch.no_grad():
        for k, tensor in enumerate(gru.parameters()):
            i = torch.arange(tensor.numel())
            tensor.copy_((0.4 * torch.sin(0.37 * i + 0.11 * k)).reshape(tensor.shape))
        t = torch.arange(5.0)[:, None, None]
        b = torch.arange(2.0)[None, :, None]
        j = torch.arange(float(inputs))[None, None, :]
        states, _ = gru(torch.cos(0.13 * t + 0.07 * j + 0.5 * b))
    print(f"D = {inputs}, H = {hidden}, after five steps, users 0 and 1:")
    print(", ".join(f"{value:.9f}" for value in states[-1].flatten()))


golden(3, 5)
golden(7, 18)

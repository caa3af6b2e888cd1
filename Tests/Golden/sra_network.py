"""Golden numbers of Tests/EncodersTests/SRAEncoderTests.swift: the published network in float64.

    pip install torch; python3 Tests/Golden/sra_network.py

Encoder GRU 59 -> 256, latent Linear 256 -> 128, decoder GRU 128 -> 256 that reads the latent vector
at each step, output Linear 256 -> 59. Parameter tensor k in the order encoder, decoder, latent,
output; row-major index i: 0.1 sin(0.37 i + 0.11 k). Five rows x[t][j] = cos(0.13 t + 0.07 j).
"""

import torch

torch.set_default_dtype(torch.float64)

encoder, decoder = torch.nn.GRU(59, 256), torch.nn.GRU(128, 256)
latent, output = torch.nn.Linear(256, 128), torch.nn.Linear(256, 59)
parameters = [p for part in (encoder, decoder, latent, output) for p in part.parameters()]
with torch.no_grad():
    for k, tensor in enumerate(parameters):
        i = torch.arange(tensor.numel())
        tensor.copy_((0.1 * torch.sin(0.37 * i + 0.11 * k)).reshape(tensor.shape))
    x = torch.cos(0.13 * torch.arange(5.0)[:, None] + 0.07 * torch.arange(59.0)[None, :])
    z = latent(encoder(x)[1])
    y = output(decoder(z.expand(5, -1))[0])
print("z[0..3]", z[0, :4].tolist(), "sum", z.sum().item())
print("reconstruction row 0", y[0, :4].tolist())
print("reconstruction row 4", y[4, :4].tolist())
print("loss", ((y - x) ** 2).sum().item() / 5)

"""Golden values of the training kernels, by PyTorch in float64.

    pip install torch numpy safetensors; python3 Tests/Golden/make_layer_goldens.py

writes layer_goldens.safetensors beside itself. Inputs are float32 numbers, results are float64
rounded to float32. Tests/KernelsTests/Training/LayerGoldenTests.swift reads it.
"""

import pathlib

import numpy
import torch
from safetensors.numpy import save_file

torch.set_default_dtype(torch.float64)
numbers = numpy.random.default_rng(20)
goldens = {}


def normal(*shape, scale=1.0):
    values = (numbers.normal(size=shape) * scale).astype(numpy.float32)
    return torch.from_numpy(values.astype(numpy.float64))


def keep(name, values):
    array = values.detach().numpy().astype(numpy.float32)
    goldens[name] = numpy.ascontiguousarray(array)


def layer_norm():
    x, layer = normal(5, 37), torch.nn.LayerNorm(37, eps=1e-5)
    x[1] = x[1] * 1e-3 + 2  # variance of epsilon's order
    x = x.float().double().requires_grad_()
    with torch.no_grad():
        layer.weight.copy_(normal(37)), layer.bias.copy_(normal(37))
    y, dy = layer(x), normal(5, 37)
    y.backward(dy)
    for name, value in dict(
        x=x, weight=layer.weight, bias=layer.bias, y=y, dy=dy, dx=x.grad,
        dweight=layer.weight.grad, dbias=layer.bias.grad).items():
        keep(f"norm.{name}", value)


def gelu():
    x = torch.linspace(-6, 6, 241).float().double().requires_grad_()
    y = torch.nn.GELU()(x)
    y.sum().backward()
    for name, value in dict(
        x=x, y=y, dx=x.grad, tanh=torch.nn.GELU(approximate="tanh")(x)).items():
        keep(f"gelu.{name}", value)


def attention():
    """Sequences of 7, 3 and 1 rows, one after another; 2 heads of 6."""
    qkv, dout = normal(11, 36).requires_grad_(), normal(11, 12)
    outs, start = [], 0
    for length in (7, 3, 1):
        rows = qkv[start:start + length]
        q, k, v = rows.reshape(length, 3, 2, 6).permute(1, 2, 0, 3)
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        outs.append(out.permute(1, 0, 2).reshape(length, 12))
        start += length
    out = torch.cat(outs)
    out.backward(dout)
    for name, value in dict(qkv=qkv, out=out, dout=dout, dqkv=qkv.grad).items():
        keep(f"attention.{name}", value)


def losses():
    logits = normal(4, 9, scale=3)
    logits[0, :4] = torch.tensor([100.0, -100.0, 100.0, -100.0])
    logits.requires_grad_()
    labels = torch.from_numpy((numbers.random((4, 9)) < 0.4).astype(numpy.float64))
    labels[0, :4] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
    (loss * 0.25).backward()
    for name, value in dict(
        logits=logits, labels=labels, loss=loss.reshape(1), gradient=logits.grad).items():
        keep(f"bce.{name}", value)

    logits = normal(6, 11, scale=3)
    logits[0, 2], logits[1, 3], logits[2, 4] = 100, 100, -100
    logits.requires_grad_()
    labels = torch.tensor([2, 5, 4, -100, 0, 10])
    loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    (loss * 0.25).backward()
    for name, value in dict(
        logits=logits, labels=labels.double(), loss=loss.reshape(1),
        gradient=logits.grad).items():
        keep(f"ce.{name}", value)


def optimisers():
    """Epsilon is large, so that its place matters; gradients are near it for half the weights."""
    start, gradients = normal(20), normal(6, 20)
    gradients[:, :10] *= 1e-3
    keep("adam.start", start), keep("adam.gradients", gradients)
    for name, make in (
        ("adam", lambda p: torch.optim.Adam(p, lr=0.01, eps=1e-3, weight_decay=0.1)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.01, eps=1e-3, weight_decay=0.1)),
        ("plain", lambda p: torch.optim.Adam(p, lr=0.01))):
        weights = torch.nn.Parameter(start.clone())
        optimiser, steps = make([weights]), []
        for gradient in gradients:
            weights.grad = gradient.clone()
            optimiser.step()
            steps.append(weights.detach().clone())
        keep(f"adam.{name}", torch.stack(steps))


def clipping():
    for name, scale in (("long", 1.0), ("short", 1e-3), ("tiny", 1e-7)):
        parts = [normal(5, 7, scale=scale), normal(9, scale=scale)]
        flat = torch.cat([part.flatten() for part in parts])
        keep(f"clip.{name}", flat)
        for part in parts:
            part.grad = part.clone()
        maximum = 1e-6 if name == "tiny" else 1.0
        norm = torch.nn.utils.clip_grad_norm_(parts, maximum)
        keep(f"clip.{name}.norm", norm.reshape(1))
        keep(f"clip.{name}.clipped", torch.cat([part.grad.flatten() for part in parts]))


for make in (layer_norm, gelu, attention, losses, optimisers, clipping):
    make()
save_file(goldens, pathlib.Path(__file__).with_name("layer_goldens.safetensors"))
print(len(goldens), "tensors, torch", torch.__version__)

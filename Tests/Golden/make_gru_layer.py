"""Writes Tests/Golden/gru_layer.safetensors: values and gradients of PyTorch's nn.GRU, in Float64.

    pip install torch safetensors; python3 Tests/Golden/make_gru_layer.py Tests/Golden

Three cases, each with its own weights: an input a row (`rows.`), one input a sequence that is
repeated at each step (`repeated.`), and an input a row from given first states (`initial.`). Rows
are in the order of a packed sequence, which is a ragged batch's wave order. All operands are
Float32 numbers; results are rounded to Float32.
"""

import sys

import torch
from safetensors.torch import save_file
from torch.nn.utils.rnn import PackedSequence

INPUTS, HIDDEN = 5, 7


def numbers(generator, *shape):
    return (torch.rand(shape, generator=generator) * 2 - 1).double()


def case(name, lengths, seed):
    generator = torch.Generator().manual_seed(seed)
    count, rows = len(lengths), sum(lengths)
    sizes = [sum(length > step for length in lengths) for step in range(max(lengths))]
    gru = torch.nn.GRU(INPUTS, HIDDEN).double()
    with torch.no_grad():
        for parameter in gru.parameters():
            parameter.copy_(numbers(generator, *parameter.shape))
    repeated = name == "repeated"
    inputs = numbers(generator, count if repeated else rows, INPUTS).requires_grad_()
    data = torch.cat([inputs[:size] for size in sizes]) if repeated else inputs
    first = numbers(generator, count, HIDDEN).requires_grad_()
    packed = PackedSequence(data, torch.tensor(sizes))
    states, last = gru(packed, first[None] if name == "initial" else None)
    d_states, d_last = numbers(generator, rows, HIDDEN), numbers(generator, count, HIDDEN)
    ((states.data * d_states).sum() + (last[0] * d_last).sum()).backward()
    tensors = {
        "inputs": inputs, "d_states": d_states, "d_last": d_last, "states": states.data,
        "last": last[0], "d_inputs": inputs.grad,
    }
    if name == "initial":
        tensors |= {"initial": first, "d_initial": first.grad}
    for key, parameter in gru.named_parameters():
        tensors |= {f"gru.{key}": parameter, f"d_gru.{key}": parameter.grad}
    return {
        f"{name}.{key}": value.detach().float().contiguous() for key, value in tensors.items()
    } | {f"{name}.lengths": torch.tensor(lengths)}


save_file(
    case("rows", [6, 4, 4, 2, 1], 1) | case("repeated", [5, 3, 3, 1, 1], 2)
    | case("initial", [4, 2, 1], 3),
    f"{sys.argv[1]}/gru_layer.safetensors",
    {"made_by": f"Tests/Golden/make_gru_layer.py, torch {torch.__version__}"},
)

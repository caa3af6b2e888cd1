"""PyTorch's nn.GRU, forward and backward on the CPU: what Benchmarks/Training.swift compares with.

    UBPD_PEER_PYTHON=python make bench        a Python that has torch

Reads one JSON object a line, {"form", "precision", "hidden", "inputs", "threads", "lengths"}, does
that work once and answers {"seconds"}. Forms: "equal" (all lengths are), "padded" (every sequence as
long as the longest, as in the published trainers), "packed" (pack_padded_sequence). Weights, inputs
and the gradient of the states are made at the first call of a case and not timed; packing is, since
it belongs to each batch.
"""

import json
import sys
import time

import torch
from torch.nn.utils.rnn import pack_padded_sequence


class Case:
    def __init__(self, request):
        dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[request["precision"]]
        self.form = request["form"]
        self.lengths = torch.tensor(request["lengths"])
        steps, count = max(request["lengths"]), len(request["lengths"])
        torch.manual_seed(1)
        self.gru = torch.nn.GRU(request["inputs"], request["hidden"]).to(dtype)
        self.inputs = torch.rand(steps, count, request["inputs"]).to(dtype)
        rows = (sum(request["lengths"]),) if self.form == "packed" else (steps, count)
        self.d_states = torch.rand(*rows, request["hidden"]).to(dtype)

    def run(self):
        self.gru.zero_grad(set_to_none=True)
        if self.form == "packed":
            packed = pack_padded_sequence(self.inputs, self.lengths)
            self.gru(packed)[0].data.backward(self.d_states)
        else:
            self.gru(self.inputs)[0].backward(self.d_states)


cases = {}
print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    if line not in cases:
        cases[line] = Case(json.loads(line))
    threads = json.loads(line)["threads"]
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    start = time.perf_counter()
    cases[line].run()
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)

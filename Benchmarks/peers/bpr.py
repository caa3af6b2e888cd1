"""`implicit`'s BPR on the CPU: what Benchmarks/BPR.swift compares with.

    UBPD_PEER_PYTHON=python make bench        a Python that has implicit

Reads one JSON object a line, {"users", "items", "draws", "pairs", "factors", "threads"}, runs one epoch
over pairs that both sides make by one formula, and answers {"seconds"}. Factors are kept from call to
call of a case, so that only the first of them makes memory.
"""

import json
import sys
import time

import implicit
import numpy as np
import scipy.sparse as sparse
from implicit.bpr import BayesianPersonalizedRanking


def mixed(values):
    """SplitMix64's finalizer."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def interactions(request):
    users, items, draws = request["users"], request["items"], request["draws"]
    r = (mixed(np.arange(users * draws, dtype=np.uint64)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    chosen = (items * (r * r * r)).astype(np.int64)
    pairs = sparse.csr_matrix(
        (np.ones(users * draws, np.float32), (np.repeat(np.arange(users), draws), chosen)),
        shape=(users, items))
    pairs.sum_duplicates()
    pairs.data[:] = 1
    if pairs.nnz != request["pairs"]:
        sys.exit(f"{pairs.nnz} pairs, {request['pairs']} asked for: the formulas differ")
    return pairs


models = {}
print(json.dumps({"version": implicit.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if line not in models:
        model = BayesianPersonalizedRanking(
            factors=request["factors"], iterations=1, num_threads=request["threads"], random_state=1,
            verify_negative_samples=True)
        models = {line: (model, interactions(request))}
    model, pairs = models[line]
    start = time.perf_counter()
    model.fit(pairs, show_progress=False)
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)

#!/usr/bin/env python3
"""Golden numbers of RetailBPRTests: what `implicit` reaches on the real shop's log.

    python3 -m venv VENV && VENV/bin/pip install numpy scipy implicit
    OPENBLAS_NUM_THREADS=1 VENV/bin/python Tests/Golden/bpr_implicit.py ../shared/data/online_retail.csv.lz4

Purchases before the last 28 days are the 0/1 pairs; AUC is the mean over every second user with
purchases on both sides, of ranking the later purchases first: among all items bought before the cut,
and among the 100 most bought ones. Prints each seed, the mean, and updates a second of one thread.
"""
import csv
import datetime
import io
import subprocess
import sys
import time

import numpy as np
import scipy.sparse as sparse
from implicit.bpr import BayesianPersonalizedRanking
from scipy.stats import rankdata

EPOCHS = 40


def read(path):
    text = subprocess.run(["lz4", "-dc", path], check=True, capture_output=True).stdout.decode()
    rows = [r for r in csv.DictReader(io.StringIO(text)) if r["event_type"] == "product_buy"]
    utc = datetime.timezone.utc
    seconds = np.array([
        datetime.datetime.strptime(r["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=utc).timestamp()
        for r in rows])
    users, user = np.unique([r["client_id"] for r in rows], return_inverse=True)
    items, item = np.unique([r["sku"] for r in rows], return_inverse=True)
    cut = seconds.max() - 28 * 86400

    def matrix(chosen):
        pairs = sparse.csr_matrix(
            (np.ones(chosen.sum(), np.float32), (user[chosen], item[chosen])),
            shape=(len(users), len(items)))
        pairs.sum_duplicates()
        pairs.data[:] = 1
        return pairs

    return matrix(seconds < cut), matrix(seconds >= cut)


def auc(before, after, items, score):
    found = []
    for user in range(0, before.shape[0], 2):
        if before.indptr[user] == before.indptr[user + 1]:
            continue
        labels = np.zeros(before.shape[1], bool)
        labels[after.indices[after.indptr[user]:after.indptr[user + 1]]] = True
        labels = labels[items]
        count = labels.sum()
        if count in (0, len(items)):
            continue
        ranks = rankdata(score(user)[items])
        found.append((ranks[labels].sum() - count * (count + 1) / 2) / (count * (len(items) - count)))
    return np.mean(found)


def main():
    before, after = read(sys.argv[1])
    popularity = np.asarray(before.sum(0)).ravel()
    known = np.where(popularity > 0)[0]
    top = np.argsort(-popularity, kind="stable")[:100]
    print("pairs", before.nnz)
    for factors, rate, penalty in ((232, 0.037373872, 0.044218495), (146, 0.02, 0.0025)):
        results = []
        for seed in range(3):
            model = BayesianPersonalizedRanking(
                factors=factors, learning_rate=rate, regularization=penalty, iterations=EPOCHS,
                num_threads=1, random_state=seed, verify_negative_samples=True)
            start = time.process_time()
            model.fit(before, show_progress=False)
            speed = before.nnz * EPOCHS / (time.process_time() - start)
            score = lambda user: model.item_factors @ model.user_factors[user]
            results.append((auc(before, after, known, score), auc(before, after, top, score), speed))
        print(factors, rate, penalty, np.round(results, 5).tolist())
        print("    mean", np.round(np.mean(results, 0), 5).tolist(), "spread", np.round(np.std(results, 0), 5))


if __name__ == "__main__":
    main()

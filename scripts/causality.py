#!/usr/bin/env python3
"""What causality costs: the published whole-window rows and ours through the same SRA and MTL.

    causality.py --log-dir shop/log --work DIR --ubpd .build/release/ubpd

Folds the log once at the cutoff and once 28 days before it, makes both systems' rows of the same
events, trains the same networks on each, scores the embeddings by `ubpd evaluate --snapshot`, and
prints a table in Markdown. Needs numpy, scikit-learn, PyTorch, and the `lz4` command. What is in
DIR already is not made again, so the same command goes on after an interruption.
docs/quality.md says what was found.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from causality_rows import CUTS_APART, Cut, centroids_before, usual_cutoff
from causality_table import PARTS, printed

VARIANTS = {
    "causal": "ours: docs/rows.md, no END",
    "causal+END": "ours, and END behind the rows of MTL (SRA is that of causal)",
    "published": "whole-window counts, weighted by the end of the data",
    "weight only": "causal, weighted by the end of the data",
    "counts only": "published without the weight",
}
TASKS = "churn,conversion,category,sku,new_sku,price"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--log-dir", required=True)
    parser.add_argument("--work", required=True, help="directory of embeddings and reports")
    parser.add_argument("--ubpd", default=".build/release/ubpd")
    parser.add_argument("--cutoff", type=int, help="seconds; default: that of ubpd evaluate")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--rule", choices=("inactivity", "cap"), default="inactivity",
                        help="what closes a session, for both systems")
    parser.add_argument("--sra-epochs", type=int, default=1)
    parser.add_argument("--mtl-epochs", type=int, default=9)
    parser.add_argument("--sra-rows", type=int, default=64, help="a user's latest, for SRA")
    parser.add_argument("--mtl-rows", type=int, default=64, help="a user's latest, for MTL")
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true",
                        help="print what is in DIR already, and make nothing")
    return parser.parse_args()


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Rows:
    """Sequences of both cuts by variant, made when they are first asked for and kept for all
    seeds. SRA learns at the cutoff, from all that stands before it; MTL at the inner one."""

    def __init__(self, options):
        from golden_log import Settings, read_log

        self.options = options
        settings = Settings(rule=options.rule)
        self.log = read_log(options.log_dir, settings)
        self.cutoff = options.cutoff or usual_cutoff(self.log)
        centroids = centroids_before(self.log, self.cutoff - CUTS_APART)
        self.inner, self.outer = (Cut(self.log, t, centroids, settings)
                                  for t in (self.cutoff - CUTS_APART, self.cutoff))
        self.labels = self.inner.labels(self.log)
        for cut in (self.inner, self.outer):
            say(f"before {cut.before}: {len(cut.users)} users, {cut.bounds[-1]} rows")
        say(f"{int((1 - self.labels[0]).sum())} of them buy in the inner window, lists of "
            f"{[len(x) for x in self.inner.targets.values()]}")
        # Ours are frozen: what MTL has learned with serves at the cutoff, clipped.
        self.frozen, self.whole = self.inner.scalers(), self.outer.scalers()
        self.kept = {}

    def of(self, network, variant, cut):
        key = network, variant, cut.before
        if key not in self.kept:
            self.kept[key] = self.made(network, variant, cut)
        return self.kept[key]

    def made(self, network, variant, cut):
        limit = self.options.sra_rows if network == "sra" else self.options.mtl_rows
        if variant in ("published", "counts only"):
            rows = cut.published.finished(power=network == "mtl",
                                          columns=17 if network == "mtl" else 21,
                                          weighted=variant == "published")
            return cut.sequences(rows, limit)
        scalers = self.frozen if network == "mtl" else self.whole
        rows = cut.causal(scalers, weighted=variant == "weight only")
        return cut.sequences(rows, limit, cut.ends(scalers) if variant == "causal+END" else None)


def embeddings(rows, variant, seed, options):
    """SRA's and MTL's, `[users, 128]` each, of all users at the cutoff."""
    import causality_networks as networks

    def path(network, name):
        return os.path.join(options.work, f"{network}-{name.replace(' ', '-')}-{seed}.npy")

    result = []
    for network in ("sra", "mtl"):
        name = "causal" if (network, variant) == ("sra", "causal+END") else variant
        if not os.path.exists(path(network, name)):
            say(f"{network} of {name}, seed {seed}")
            if network == "sra":
                masked = name in ("causal", "weight only")
                trained = networks.trained_sra(
                    rows.of("sra", name, rows.outer), options.sra_epochs, seed, masked)
            else:
                trained = networks.trained_mtl(
                    rows.of("mtl", name, rows.inner), rows.labels, options.mtl_epochs, seed)
            z = networks.embedded(trained, rows.of(network, name, rows.outer))
            np.save(path(network, name), z)
        result.append(np.load(path(network, name)))
    return result


def report_of(part, variant, seed, options):
    name = f"{part.replace(' + ', '+')}-{variant}-{seed}"
    return os.path.join(options.work, f"{name.replace(' ', '-')}.json")


def tasks_of(report):
    with open(report, encoding="utf-8") as file:
        return {t["task"]: t for t in json.load(file)["rows"][0]["tasks"]}


def scored(report, matrix, rows, options):
    """The report of `ubpd evaluate` on a directory that looks like a snapshot's."""
    folder = report.removesuffix(".json")
    if not os.path.exists(report):
        os.makedirs(folder, exist_ok=True)
        np.save(os.path.join(folder, "client_ids.npy"), np.array(rows.outer.users, np.int64))
        np.save(os.path.join(folder, "embeddings.npy"), matrix.astype(np.float16))
        with tempfile.TemporaryDirectory() as state:
            text = subprocess.run(
                [options.ubpd, "evaluate", "--log-dir", options.log_dir, "--state-dir", state,
                 "--snapshot", folder, "--unchecked", "--cutoff", str(rows.cutoff), "--rows",
                 "profile", "--tasks", options.tasks, "--set",
                 f"refresh.threads={options.threads}", "--json"],
                stdout=subprocess.PIPE, check=True).stdout
        with open(f"{report}.part", "wb") as file:
            file.write(text)
        os.rename(f"{report}.part", report)
    return tasks_of(report)


def of_before(options):
    """What earlier runs have left, by part, variant and seed."""
    reports = {(p, v, s): report_of(p, v, s, options)
               for p in PARTS for v in options.variants for s in options.seeds}
    return {key: tasks_of(path) for key, path in reports.items() if os.path.exists(path)}


def main():
    options = arguments()
    if options.table:
        print(printed(of_before(options), options.variants, options.seeds))
        return
    import torch

    torch.set_num_threads(options.threads)
    os.makedirs(options.work, exist_ok=True)
    rows = Rows(options)
    results, stats = {}, rows.outer.stats()
    for seed in options.seeds:
        for variant in options.variants:
            sra, mtl = embeddings(rows, variant, seed, options)
            parts = (sra,), (mtl,), (sra, mtl), (sra, mtl, stats)
            for part, matrix in zip(PARTS, map(np.hstack, parts)):
                if (part, variant) == ("SRA", "causal+END"):
                    continue
                report = report_of(part, variant, seed, options)
                results[part, variant, seed] = scored(report, matrix, rows, options)
                say(f"{part}, {variant}, seed {seed}: " + ", ".join(
                    f"{t} {x['score']:.4f}" for t, x in results[part, variant, seed].items()))
    print(printed(results, options.variants, options.seeds))


if __name__ == "__main__":
    sys.exit(main())

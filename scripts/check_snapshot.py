#!/usr/bin/env python3
"""Checks a snapshot with numpy alone, as a data scientist would meet it.

    check_snapshot.py SNAPSHOT_DIR [--weights FILE.safetensors ...]

The pair `client_ids.npy`, `embeddings.npy` must load memory-mapped, with ids int64 strictly
ascending and embeddings float16, finite, of the manifest's shape, and every file must have the
hash that the manifest gives. Weights are loaded with the `safetensors` package when it is there.
Exits 1 and says what is wrong otherwise.
"""

import argparse
import hashlib
import json
import os
import sys

import numpy as np


class Wrong(Exception):
    """What is wrong with a snapshot, in a sentence."""


def want(condition, text):
    if not condition:
        raise Wrong(text)


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_arrays(folder, manifest):
    ids = np.load(os.path.join(folder, "client_ids.npy"), mmap_mode="r")
    rows = np.load(os.path.join(folder, "embeddings.npy"), mmap_mode="r")
    want(ids.dtype == np.dtype("<i8") and ids.ndim == 1, f"ids are {ids.dtype} {ids.shape}")
    want(rows.dtype == np.dtype("<f2") and rows.ndim == 2, f"rows are {rows.dtype} {rows.shape}")
    want(len(ids) > 0, "nobody is in it")
    want(rows.shape[1] <= 2048, f"{rows.shape[1]} columns, the challenge takes 2048 at most")
    want(bool((np.diff(ids) > 0).all()), "ids do not ascend")
    shape = (manifest["users"], manifest["width"])
    want(rows.shape == shape, f"embeddings are {rows.shape}, the manifest says {shape}")
    want(ids.shape == shape[:1], f"{len(ids)} ids for {shape[0]} rows")
    want(bool(np.isfinite(rows).all()), "embeddings are not all finite")
    distinct = len(np.unique(np.asarray(rows), axis=0))
    want(len(ids) == 1 or distinct > 1, "all embeddings are the same")
    return ids, rows, distinct


def check_manifest(folder, manifest):
    end = 0
    for part in manifest["parts"]:
        want(part["start"] == end < part["end"], f"part {part} does not start at column {end}")
        end = part["end"]
    want(end == manifest["width"], f"parts end at {end}, the width is {manifest['width']}")
    for name in ("client_ids.npy", "embeddings.npy"):
        entry = manifest["files"][name]
        path = os.path.join(folder, name)
        want(os.path.getsize(path) == entry["bytes"], f"{name} has another size")
        want(sha256(path) == entry["sha256"], f"{name} has another hash than the manifest says")


def check_weights(path):
    try:
        from safetensors.numpy import load_file
    except ImportError:
        return f"{os.path.basename(path)}: not checked, Python's safetensors is not installed"
    tensors = load_file(path)
    want(len(tensors) > 0, f"{path}: no tensors")
    for name, tensor in tensors.items():
        want(bool(np.isfinite(tensor).all()), f"{path}: {name} is not finite")
    return f"{os.path.basename(path)}: {len(tensors)} tensors, read by Python's safetensors"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("snapshot")
    parser.add_argument("--weights", nargs="*", default=[])
    options = parser.parse_args()
    try:
        with open(os.path.join(options.snapshot, "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        ids, rows, distinct = check_arrays(options.snapshot, manifest)
        check_manifest(options.snapshot, manifest)
        parts = ", ".join(f"{p['name']} {p['end'] - p['start']}" for p in manifest["parts"])
        print(f"numpy: {len(ids)} users × {rows.shape[1]} float16 ({parts}), finite, "
              f"{distinct} distinct; ids ascend from {ids[0]} to {ids[-1]}; hashes agree")
        for path in options.weights:
            print(check_weights(path))
    except (Wrong, OSError, KeyError, ValueError) as error:
        print(f"{options.snapshot}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The frozen files of a generation, the SRA encoder, and the daemon's socket."""

import base64
import json
import os
import socket
import struct
import time

import numpy as np

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8"}
TABLES = ("items", "categories", "name-clusters", "urls", "queries", "query-clusters")


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            flat = np.frombuffer(body[start:end], DTYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


def read_json(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def numbered(directory, number):
    """The folder of that number, whatever its zero padding."""
    for name in sorted(os.listdir(directory)):
        if name.isdigit() and int(name) == number:
            return os.path.join(directory, name)
    raise SystemExit(f"{directory}: no number {number}")


class Frozen:
    """rows.md section 6."""

    def __init__(self, state, generation):
        folder = numbered(os.path.join(state, "generations"), generation)
        space = int(read_json(folder, "manifest.json")["space"])
        space_folder = numbered(os.path.join(state, "spaces"), space)
        self.scalers = read_json(space_folder, "scalers.json")
        centroids = read_safetensors(os.path.join(space_folder, "centroids.safetensors"))
        self.name_centroids = centroids.get("names")
        self.query_centroids = centroids.get("queries")
        self.tables = {}
        for name in TABLES:
            keys = np.load(os.path.join(folder, "tables", f"{name}.keys.npy"))
            values = np.load(os.path.join(folder, "tables", f"{name}.values.npy"))
            if keys.dtype != np.int64 or values.dtype != np.float64:
                raise SystemExit(f"{name}: {keys.dtype} keys, {values.dtype} values")
            if values.shape != (len(keys), 4) or (np.diff(keys) <= 0).any():
                raise SystemExit(f"{name}: keys do not ascend or values are {values.shape}")
            self.tables[name] = (keys, values)
        top = read_json(folder, "tables", "top.json")
        self.top_items = {int(x) for x in top["items"]}
        self.top_categories = {int(x) for x in top["categories"]}
        self.top = {name: [int(x) for x in ids] for name, ids in top.items()}
        self.sra = SRA(read_safetensors(
            os.path.join(space_folder, "encoders", "sra.safetensors")))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class SRA:
    """PyTorch's GRU over a user's rows from h = 0, then a Linear on the last state."""

    def __init__(self, tensors):
        def one(suffix, prefix):
            found = [n for n in tensors if n.startswith(prefix) and n.endswith(suffix)]
            if len(found) != 1:
                raise SystemExit(f"sra: {suffix} is not one of {sorted(tensors)}")
            return tensors[found[0]].astype(np.float64)

        whole = "encoder" if any(n.startswith("encoder") for n in tensors) else ""
        self.weight_ih = one("weight_ih_l0", whole)
        self.weight_hh = one("weight_hh_l0", whole)
        self.bias_ih = one("bias_ih_l0", whole)
        self.bias_hh = one("bias_hh_l0", whole)
        self.latent_weight = one("latent.weight", "")
        self.latent_bias = one("latent.bias", "")
        self.hidden = self.weight_hh.shape[1]

    def encoded(self, sequences):
        """`[users, D]` of a list of `[rows, 64]`, in Float64; all users step together."""
        order = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
        lengths = np.array([len(sequences[i]) for i in order])
        h = np.zeros((len(order), self.hidden))
        # Stretches of steps, so that the input projection is one product for each.
        for start in range(0, lengths.max(initial=0), 64):
            count = int((lengths > start).sum())
            x = np.zeros((64, count, self.weight_ih.shape[1]))
            for k, i in enumerate(order[:count]):
                part = sequences[i][start:start + 64]
                x[:len(part), k] = part
            projected = x @ self.weight_ih.T + self.bias_ih
            for t in range(min(64, lengths[0] - start)):
                n = int((lengths > start + t).sum())
                h[:n] = self.step(projected[t, :n], h[:n])
        z = np.empty((len(order), len(self.latent_bias)))
        z[order] = h @ self.latent_weight.T + self.latent_bias
        return z

    def step(self, gi, h):
        size = self.hidden
        gh = h @ self.weight_hh.T + self.bias_hh
        r = sigmoid(gi[:, :size] + gh[:, :size])
        z = sigmoid(gi[:, size:2 * size] + gh[:, size:2 * size])
        n = np.tanh(gi[:, 2 * size:] + r * gh[:, 2 * size:])
        return (1 - z) * n + z * h


class Daemon:
    """JSON-RPC 2.0, one object a line, over a Unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")
        self.number = 0

    def call(self, method, **params):
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        reply = json.loads(self.file.readline() or b"{}")
        if reply.get("id") != self.number or "result" not in reply:
            raise SystemExit(f"{method} {params}: {reply.get('error', reply)}")
        return reply["result"]

    def caught_up(self, seconds=300):
        """`status` once nothing is unread."""
        end = time.monotonic() + seconds
        while True:
            status = self.call("status")
            if status["lag"]["bytes"] == 0:
                return status
            if time.monotonic() > end:
                raise SystemExit(f"still {status['lag']} behind after {seconds} s")
            time.sleep(0.2)

    def part(self, user, name):
        """One part of a user's profile, and the reply it came in."""
        reply = self.call("profile.get", user=str(user), encoding="float32")
        columns = next(p for p in reply["parts"] if p["name"] == name)
        vector = np.frombuffer(base64.b64decode(reply["vector"]), "<f4")
        return vector[columns["start"]:columns["end"]], reply

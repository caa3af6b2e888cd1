#!/usr/bin/env python3
"""Makes whole profiles a second time and compares them with those of a published snapshot.

    independent_profile.py --log-dir DIR --state-dir DIR --snapshot 1 --users 100

The log is folded as independent_fold.py does; weights, tables, factors and lists are read from the
state directory. Every part must agree within the rounding to float16. Needs numpy and the `lz4`
command. Exits 1 when anything differs.
"""

import argparse
import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from golden_log import Settings, admitted, ordered, read_log
from golden_net import Frozen, read_json
from golden_profile import Model
from golden_rows import Shop, UserFold, finished, raw_rows
from independent_fold import chosen

# Float32 in one order against Float64 in another, after 60 steps of eight networks.
TOLERANCE = 3e-5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--log-dir", required=True)
    parser.add_argument("--state-dir", required=True)
    parser.add_argument("--snapshot", type=int, default=1)
    parser.add_argument("--users", type=int, default=100, help="how many to compare")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    return parser.parse_args()


def main():
    options = arguments()
    folder = os.path.join(options.state_dir, "snapshots", str(options.snapshot))
    manifest = read_json(folder, "manifest.json")
    ids = np.load(os.path.join(folder, "client_ids.npy"))
    published = np.load(os.path.join(folder, "embeddings.npy"))
    place = {int(user): row for row, user in enumerate(ids)}
    settings = Settings()
    log = read_log(options.log_dir, settings)
    folded = {u: ordered(events, log.counters, settings)
              for u, events in admitted(log, settings).items()}
    folded = {u: events for u, events in folded.items() if events}
    frozen = Frozen(options.state_dir, manifest["generation"])
    shop, model = Shop(log, frozen), Model(options.state_dir, manifest["generation"])
    if set(folded) != set(place):
        print(f"other users: {sorted(set(folded) ^ set(place))[:10]}")
        return 1
    for name in ("items", "categories"):
        if [int(x) for x in manifest["targets"][name]] != model.targets[name]:
            print(f"the manifest names other {name}")
            return 1
    failed, largest = 0, {}
    users = chosen(folded, options.users, options.seed)
    for number in users:
        user = UserFold(settings, shop)
        for event, t, late in folded[number]:
            user.fold(event, t, late)
        user.close_all()
        rows = finished(*raw_rows(user.rows, shop), frozen.scalers)
        wanted = model.profile(user, folded[number], rows, shop, manifest["as_of"])
        if list(wanted) and set(wanted) != {p["name"] for p in manifest["parts"]}:
            print(f"other parts: {sorted(wanted)}")
            return 1
        for part in manifest["parts"]:
            got = published[place[number], part["start"]:part["end"]].astype(np.float64)
            want = wanted[part["name"]]
            if got.shape != want.shape:
                print(f"user {number}: {part['name']} has {got.shape}, want {want.shape}")
                failed += 1
                continue
            allowed = 0.51 * np.spacing(np.abs(want).astype(np.float16)).astype(np.float64)
            excess = np.abs(got - want) - allowed
            largest[part["name"]] = max(largest.get(part["name"], -1.0), float(excess.max()))
            if not (excess <= TOLERANCE).all():
                failed += 1
                column = int(excess.argmax())
                print(f"user {number}: {part['name']} column {column} is {got[column]}, "
                      f"want {want[column]}; {len(user.rows)} rows")
    print(f"{len(users)} users, {sum(len(e) for e in folded.values())} events; beyond rounding: "
          + ", ".join(f"{k} {v:.2g}" for k, v in largest.items()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

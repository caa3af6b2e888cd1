#!/usr/bin/env python3
"""Leaves each session out a second time and compares with what the daemon answered.

    independent_explanation.py --log-dir DIR --state-dir DIR --generation 1 < answers.json

Standard input holds a list of users' explanations: user, as_of, churn, targets and sessions. The log is
folded as independent_fold.py does; sessions are put together from events, not from rows (profile.md,
"Leaving a session out"). Needs numpy and the `lz4` command. Exits 1 when anything differs.
"""

import argparse
import json
import os
import sys
from types import SimpleNamespace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from golden_log import Settings, admitted, ordered, read_log
from golden_net import Frozen, numbered, read_safetensors
from golden_profile import Model, end_row, gelu, linear, multi_task
from golden_rows import VISIT_ROW, Shop, UserFold, finished, raw_rows

# Float32 in one order against Float64 in another; the sigmoid flattens what the networks differ by.
TOLERANCE = 1e-6


def span(rows, i, first, scalers, settings):
    """First and last time that row i of the rows from `first` on stands for.

    A duration above the fit's largest reads as that; nothing tells that the first row is late."""
    row = rows[i]
    if row.session is None or row.late and i > first:
        return row.t, row.t
    position = 15 if row.table == VISIT_ROW else 20
    length = min(row.session.last - row.session.start, scalers[row.table][position]["high"])
    last = row.t - settings.gap
    return last - length, last


def runs(spans, settings):
    """Lists of row numbers: rows whose times lie no further apart than the gap, taken together."""
    spans = sorted((first, last, i) for i, (first, last) in spans.items())
    found, end = [], None
    for first, last, i in spans:
        if end is None or first > end + settings.gap:
            found.append([])
            end = last
        found[-1].append(i)
        end = max(end, last)
    return [sorted(run) for run in found]


def head(tensors, name, z):
    x = gelu(linear(tensors, f"{name}.3", gelu(linear(tensors, f"{name}.0", z))))
    return 1 / (1 + np.exp(-linear(tensors, f"{name}.6", x)))


def predicted(model, rows, window, end):
    """Probabilities of churn, categories and items."""
    result = {}
    for name, heads in (("mtl-churn", ["churn"]), ("mtl-propensity", ["category", "item"])):
        tensors = model.encoders[name]
        z = multi_task(tensors, rows, window, end if name in model.reads_end else None)
        result.update({one: head(tensors, one, z) for one in heads})
    return result


def explained(model, user, events, shop, scalers, settings, as_of):
    """The whole prediction, and by (rows, last time) of each session the prediction without it."""
    total = len(user.rows)
    first = max(0, total - model.window)
    raw, tables = raw_rows(user.rows, shop)
    spans = {i: span(user.rows, i, first, scalers, settings) for i in range(first, total)}

    def without(run):
        kept = [i for i in range(total) if i not in run]
        values, after = raw.copy(), [i for i in kept if run and i > run[-1]]
        if after and after[0] == run[-1] + 1 and not user.rows[after[0]].late:
            i, before = after[0], run[0] - 1
            if before >= first:
                values[i, 59] = user.rows[i].t - user.rows[before].t
            elif first == 0:
                values[i, 59] = 0
        rows = finished(values, tables, scalers).astype(np.float64)[kept]
        weeks = dict(user.weeks)
        for i in run:
            weeks[(user.rows[i].t // 86_400 + 3) // 7] -= 1
        seen = events
        if run and run[-1] == total - 1 and run[0] > first:
            newest = max(spans[i][1] for i in kept if i >= first)
            seen = [(SimpleNamespace(t=newest), newest, False)]
        end = end_row(SimpleNamespace(first=user.first, weeks=weeks), seen, scalers, as_of)
        return predicted(model, rows, max(0, model.window - len(run)) if total > model.window
                         else len(rows), end)

    sessions = {}
    found = runs(spans, settings)
    for run in found:
        last = max(spans[i][1] for i in run)
        sessions[len(run), last] = without(run)
    return without([]), sessions, len(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--log-dir", required=True)
    parser.add_argument("--state-dir", required=True)
    parser.add_argument("--generation", type=int, default=1)
    options = parser.parse_args()
    settings = Settings()
    log = read_log(options.log_dir, settings)
    folded = {u: ordered(events, log.counters, settings)
              for u, events in admitted(log, settings).items()}
    frozen = Frozen(options.state_dir, options.generation)
    shop, model = Shop(log, frozen), Model(options.state_dir, options.generation)
    heads = os.path.join(numbered(os.path.join(options.state_dir, "generations"),
                                  options.generation), "heads")
    for name in os.listdir(heads) if os.path.isdir(heads) else []:
        model.encoders[name.removesuffix(".safetensors")].update(
            {key: value.astype(np.float64)
             for key, value in read_safetensors(os.path.join(heads, name)).items()})
    failed, count, largest, effect = 0, 0, 0.0, 0.0
    for answer in json.load(sys.stdin):
        user, events = UserFold(settings, shop), folded[int(answer["user"])]
        for event, t, late in events:
            user.fold(event, t, late)
        user.close_all()
        whole, sessions, number = explained(
            model, user, events, shop, frozen.scalers, settings, answer["as_of"])
        if number != len(answer["sessions"]):
            print(f"user {answer['user']}: {len(answer['sessions'])} sessions, want {number}")
            failed += 1
            continue
        pairs = [(answer, whole)]
        for session in answer["sessions"]:
            want = sessions.get((session["rows"], session["ended"]))
            if want is None:
                print(f"user {answer['user']}: no session of {session['rows']} rows to "
                      f"{session['ended']} among {sorted(sessions)}")
                failed += 1
                continue
            pairs.append((session, want))
            effect = max(effect, abs(session["churn"] - answer["churn"]))
        for got, want in pairs:
            for name in ("churn", "category", "item"):
                values = np.atleast_1d(np.array(got[name]))
                off = np.abs(values - want[name][:len(values)]).max()
                largest, count = max(largest, float(off)), count + 1
                if not off <= TOLERANCE:
                    print(f"user {answer['user']}: {name} is off by {off:.2g}, "
                          f"{got.get('rows', 'all')} rows")
                    failed += 1
    print(f"{count} lists compared, off by {largest:.2g} at most; largest effect {effect:.2g}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

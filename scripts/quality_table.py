#!/usr/bin/env python3
"""Reports of `ubpd evaluate --json`, one a training seed, as one Markdown table of means ± spread.

    quality_table.py REPORT.json…

The spread is the standard deviation over the reports (n − 1); of one report there is none. Reports
that differ in rows, cutoff or users are refused.
"""

import json
import statistics
import sys

SHORT = {
    "propensity_category": "category",
    "propensity_sku": "sku",
    "propensity_new_sku": "new_sku",
    "propensity_price": "price",
}


def table(reports, figure):
    names = [row["name"] for row in reports[0]["rows"]]
    tasks = list(dict.fromkeys(t["task"] for row in reports[0]["rows"] for t in row["tasks"]))
    lines = ["| row | columns | " + " | ".join(SHORT.get(t, t) for t in tasks) + " |"]
    lines.append("|---|---|" + "---|" * len(tasks))
    for place, name in enumerate(names):
        cells = []
        for task in tasks:
            values = [
                t[figure] for r in reports for t in r["rows"][place]["tasks"] if t["task"] == task
            ]
            if len(values) != len(reports):
                cells.append("–")
            elif len(values) == 1:
                cells.append(f"{values[0]:.4f}")
            else:
                cells.append(f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}")
        width = reports[0]["rows"][place]["width"]
        lines.append(f"| {name} | {width or '–'} | " + " | ".join(cells) + " |")
    return lines


def main(paths):
    reports = []
    for path in paths:
        with open(path) as file:
            reports.append(json.load(file))
    if not reports:
        sys.exit(__doc__)
    for key in ("split", "userCount", "network", "validationPurchases"):
        if any(report[key] != reports[0][key] for report in reports):
            sys.exit(f"quality_table: the reports differ in '{key}'")
    names = [[row["name"] for row in report["rows"]] for report in reports]
    if any(other != names[0] for other in names):
        sys.exit("quality_table: the reports differ in their rows")
    first = reports[0]
    for setting in first["settings"]:
        if setting["name"] not in ("log", "profiles", "training seed", "columns"):
            print(f"- {setting['name']}: {setting['value']}")
    seconds = [round(report["seconds"]) for report in reports]
    print(f"- {len(reports)} trainings, of {', '.join(map(str, seconds))} s")
    warnings = {line.split(":")[0] for report in reports for line in report["warnings"]}
    for warning in sorted(warnings):
        print(f"- {warning}")
    print("\nScores:\n")
    print("\n".join(table(reports, "score")))
    print("\nAUROC:\n")
    print("\n".join(table(reports, "auroc")))
    counts = {}
    for row in first["rows"]:
        for task in row["tasks"]:
            counts.setdefault(SHORT.get(task["task"], task["task"]), task["positives"])
    print("\nPositive labels: " + ", ".join(f"{k} {v}" for k, v in counts.items()))


if __name__ == "__main__":
    main(sys.argv[1:])

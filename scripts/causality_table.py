"""The table that `causality.py` prints: means ± standard deviations, and differences by seed."""

import statistics

PARTS = ("SRA", "MTL", "SRA + MTL", "SRA + MTL + stats")


def spread(values, sign=""):
    text = f"{statistics.mean(values):{sign}.4f}"
    return f"{text} ± {statistics.stdev(values):.4f}" if len(values) > 1 else text


def printed(results, variants, seeds):
    """`results`: by part, variant and seed, each a report's tasks by name.

    The second table is of differences from `causal`, seed by seed, which share their batches."""
    tasks = list(next(iter(results.values())))
    heads = [t.removeprefix("propensity_") for t in tasks]
    lines = [f"| part | rows | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    rest = [f"| part | less causal | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for part in PARTS:
        for variant in variants:
            if (part, variant, seeds[0]) not in results:
                continue
            scores = {t: [results[part, variant, s][t]["score"] for s in seeds] for t in tasks}
            lines.append(f"| {part} | {variant} | "
                         + " | ".join(spread(scores[t]) for t in tasks) + " |")
            if variant != "causal" and "causal" in variants:
                less = {t: [a - results[part, "causal", s][t]["score"]
                            for a, s in zip(scores[t], seeds)] for t in tasks}
                rest.append(f"| {part} | {variant} | "
                            + " | ".join(spread(less[t], "+") for t in tasks) + " |")
    return "\n".join(lines + [""] + (rest if len(rest) > 2 else []))

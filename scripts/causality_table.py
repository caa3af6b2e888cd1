"""The table that `causality.py` prints: means ± standard deviations, and differences by seed."""

import statistics

PARTS = ("SRA", "MTL", "SRA + MTL", "SRA + MTL + stats")


def spread(values, sign=""):
    text = f"{statistics.mean(values):{sign}.4f}"
    return f"{text} ± {statistics.stdev(values):.4f}" if len(values) > 1 else text


def printed(results, variants, seeds):
    """`results`: by part, variant and seed, each a report's tasks by name; some may be missing.

    The second table is of differences from `causal`, seed by seed, which share their batches."""
    if not results:
        return "nothing is scored yet"
    tasks = list(next(iter(results.values())))
    head = " | ".join(["seeds"] + [t.removeprefix("propensity_") for t in tasks])
    rule = "|---" * (len(tasks) + 3) + "|"
    lines, rest = [f"| part | rows | {head} |", rule], [f"| part | less causal | {head} |", rule]
    for part in PARTS:
        for variant in variants:
            done = [s for s in seeds if (part, variant, s) in results]
            both = [s for s in done if (part, "causal", s) in results and variant != "causal"]
            if done:
                cells = [spread([results[part, variant, s][t]["score"] for s in done])
                         for t in tasks]
                lines.append(" | ".join([f"| {part}", variant, str(len(done))] + cells) + " |")
            if both:
                cells = [spread([results[part, variant, s][t]["score"]
                                 - results[part, "causal", s][t]["score"] for s in both], "+")
                         for t in tasks]
                rest.append(" | ".join([f"| {part}", variant, str(len(both))] + cells) + " |")
    return "\n".join(lines + [""] + (rest if len(rest) > 2 else []))

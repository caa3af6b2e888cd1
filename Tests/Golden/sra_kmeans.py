"""Writes Tests/Golden/sra_points.txt and prints scikit-learn's inertia on it.

    pip install scikit-learn; python3 Tests/Golden/sra_kmeans.py Tests/Golden

400 points around 20 centres, some of them repeated; a line is 16 integers 0...255.
"""

import sys

import numpy as np
from sklearn.cluster import KMeans

draw = np.random.default_rng(5)
centres = draw.integers(0, 256, (20, 16))
points = centres[draw.integers(0, 20, 400)] + draw.normal(0, 25, (400, 16))
points = np.clip(np.rint(points), 0, 255).astype(int)
points[::9] = points[0]
np.savetxt(f"{sys.argv[1]}/sra_points.txt", points, "%d")
for k in (1, 5, 20, 40):
    runs = [KMeans(k, random_state=seed).fit(points).inertia_ for seed in range(20)]
    print(f"k = {k}: best of 20 {min(runs):.3f}, median {np.median(runs):.3f}, "
          f"worst {max(runs):.3f}")

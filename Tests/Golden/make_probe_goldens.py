"""Golden values of the gate's metrics, by scikit-learn.

    pip install numpy scikit-learn safetensors; python3 Tests/Golden/make_probe_goldens.py

writes probe_goldens.safetensors beside itself: a logistic regression at two penalties, areas of
weighted users, and a participation ratio by eigenvalues. Inputs are float32 numbers.
Tests/LearningTests/Metrics reads it.
"""

import pathlib

import numpy
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

numbers = numpy.random.default_rng(5)
goldens = {}


def probe():
    rows, columns = 403, 12
    x = numbers.normal(size=(rows, columns)) * numpy.geomspace(0.01, 100, columns) + 3
    x[:, 7] = x[:, 2] * 50 + numbers.normal(size=rows) * 0.2  # two that go together
    x[:, 4] = 2.5  # one that says nothing
    x = x.astype(numpy.float32)
    z = StandardScaler().fit_transform(x.astype(numpy.float64))
    y = z @ numbers.normal(size=columns) + numbers.normal(size=rows) * 2 > 1
    goldens.update(x=x, y=y.astype(numpy.float32))
    for name, penalty in [("strong", 100.0), ("weak", 1.0)]:
        model = LogisticRegression(C=1 / penalty, tol=1e-12, solver="newton-cholesky", max_iter=999)
        model.fit(z, y)
        kept = numpy.arange(columns) != 4
        goldens[f"{name}.coefficients"] = model.coef_[0][kept].astype(numpy.float32)
        goldens[f"{name}.intercept"] = model.intercept_.astype(numpy.float32)
        goldens[f"{name}.scores"] = model.decision_function(z).astype(numpy.float32)


def areas():
    users, labels = 97, 6
    scores = (numbers.integers(0, 40, size=(users, labels)) / 8 - 2).astype(numpy.float32)
    truth = numbers.random((users, labels)) < 0.2 + 0.05 * (scores > 0)
    weights = numpy.stack([
        numpy.bincount(numbers.integers(0, users, users), minlength=users) for _ in range(20)])
    goldens.update(
        scores=scores, truth=truth.astype(numpy.float32), weights=weights.astype(numpy.float32))
    goldens["micro"] = numpy.float32([roc_auc_score(truth, scores, average="micro")])
    goldens["areas"] = numpy.float32([
        roc_auc_score(truth.ravel(), scores.ravel(), sample_weight=numpy.repeat(w, labels))
        for w in weights])


def rank():
    x = numbers.normal(size=(501, 3)) @ numbers.normal(size=(3, 20))
    x = (x + 0.1 * numbers.normal(size=x.shape)).astype(numpy.float32)
    values = numpy.linalg.eigvalsh(numpy.corrcoef(x.astype(numpy.float64).T))
    goldens.update(rank_x=x, rank=numpy.float32([values.sum() ** 2 / (values**2).sum()]))


probe()
areas()
rank()
save_file(goldens, pathlib.Path(__file__).with_name("probe_goldens.safetensors"))

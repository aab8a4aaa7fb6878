# needs: torchmetrics
"""Metrics of classification, regression and text: by batches, in a collection, saved, plain."""

import sys
import time
import warnings

import torch
import torchmetrics.functional as TF
from torch import nn
from torchmetrics import MetricCollection, MetricTracker
from torchmetrics.aggregation import MaxMetric, MeanMetric, SumMetric
from torchmetrics.classification import (
    AUROC,
    Accuracy,
    AveragePrecision,
    BinaryCalibrationError,
    BinaryROC,
    CohenKappa,
    ConfusionMatrix,
    F1Score,
    JaccardIndex,
    MatthewsCorrCoef,
    MulticlassPrecisionRecallCurve,
    MultilabelF1Score,
    Precision,
    Recall,
)
from torchmetrics.regression import (
    ExplainedVariance,
    MeanAbsoluteError,
    MeanSquaredError,
    PearsonCorrCoef,
    R2Score,
    SpearmanCorrCoef,
)
from torchmetrics.text import Perplexity, WordErrorRate

warnings.simplefilter("ignore")


def numbers(result):
    if isinstance(result, dict):
        return [n for key in sorted(result) for n in numbers(result[key])]
    if isinstance(result, (list, tuple)):
        return [n for part in result for n in numbers(part)]
    return result.double().flatten().tolist()


torch.manual_seed(0)
multi = {"task": "multiclass", "num_classes": 4}
collection = MetricCollection(
    [
        Accuracy(**multi), Precision(**multi), Recall(**multi, average="macro"),
        F1Score(**multi, average="weighted"), AUROC(**multi), AveragePrecision(**multi),
        ConfusionMatrix(**multi), CohenKappa(**multi), MatthewsCorrCoef(**multi),
        JaccardIndex(**multi), MulticlassPrecisionRecallCurve(4, thresholds=5),
    ],
    prefix="a_",
)  # fmt: skip
regression = MetricCollection(
    MeanSquaredError(), MeanAbsoluteError(), R2Score(), PearsonCorrCoef(), SpearmanCorrCoef(),
    ExplainedVariance(),
)  # fmt: skip
batches = [(torch.rand(20, 4).softmax(-1), torch.randint(0, 4, (20,))) for _ in range(3)]
pairs = [(torch.randn(20), torch.randn(20)) for _ in range(3)]
start = time.process_time()
for probabilities, labels in batches:
    step = collection(probabilities, labels)
    print("value step", *numbers(step))
for predicted, target in pairs:
    regression.update(predicted + target, target)
result = collection.compute()
print("value", *numbers(result))
print("value regression", *numbers(regression.compute()))
binary = MetricCollection(BinaryROC(thresholds=None), BinaryCalibrationError(n_bins=5))
binary.update(torch.rand(30), torch.randint(0, 2, (30,)))
print("value binary", *numbers(binary.compute()))
labels = MultilabelF1Score(3, average=None)
print("value labels", *numbers(labels(torch.rand(9, 3), torch.randint(0, 2, (9, 3)))))
for metric in (MeanMetric(), SumMetric(), MaxMetric()):
    for n in (1.0, 2.5, float("nan"), 4.0):
        metric.update(n)
    print("value", *numbers(metric.compute()))
perplexity = Perplexity(ignore_index=-100)
print("value text", *numbers(perplexity(torch.randn(2, 5, 7), torch.randint(0, 7, (2, 5)))))
print("value", *numbers(WordErrorRate()(["hello there"], ["hello where is it"])))
print("value", *numbers(TF.pairwise_cosine_similarity(torch.randn(3, 4), torch.randn(2, 4))))
print("value", *numbers(TF.structural_similarity_index_measure(*torch.rand(2, 2, 1, 16, 16))))
print("value", *numbers(TF.retrieval_normalized_dcg(torch.rand(6), torch.randint(0, 2, (6,)))))
print("seconds", time.process_time() - start, file=sys.stderr)

tracker = MetricTracker(MeanSquaredError(), maximize=False)
for scale in (3, 1, 2):
    tracker.increment()
    tracker.update(torch.ones(4) * scale, torch.zeros(4))
best, which = tracker.best_metric(return_step=True)
print("value best", best, which, *numbers(tracker.compute_all()))


class Holds(nn.Module):
    def __init__(self):
        super().__init__()
        self.metric = MeanSquaredError()
        self.metric.persistent(True)


holds, again = Holds(), Holds()
holds.metric.update(torch.ones(3), torch.zeros(3))
torch.save(holds.state_dict(), "metric.pt")
again.load_state_dict(torch.load("metric.pt"))
print("value loaded", again.metric.compute().item())
collection.reset()
total = (MeanSquaredError() + MeanAbsoluteError())(torch.ones(3), torch.zeros(3))
print("value sum", total.item())
loss = MeanSquaredError()
x = torch.ones(3, requires_grad=True)
loss(x, torch.zeros(3)).backward()
print("value gradient", x.grad.tolist())

# needs: skorch sklearn
"""A network in a pipeline of scikit-learn, its settings chosen by a grid search."""

import sys
import time

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EarlyStopping, EpochScoring, LRScheduler
from skorch.helper import predefined_split
from torch import nn


class Net(nn.Module):
    def __init__(self, units=10, nonlin=nn.ReLU):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(20, units), nonlin(), nn.Dropout(0.2), nn.Linear(units, 2), nn.Softmax(dim=-1)
        )

    def forward(self, X):
        return self.layers(X)


torch.manual_seed(0)
X, y = make_classification(400, 20, n_informative=10, random_state=0)
X, y = X.astype(np.float32), y.astype(np.int64)
start = time.process_time()
net = NeuralNetClassifier(
    Net,
    max_epochs=6,
    lr=0.1,
    iterator_train__shuffle=True,
    verbose=0,
    callbacks=[
        EpochScoring("roc_auc", lower_is_better=False, on_train=False, name="auc"),
        LRScheduler(policy="StepLR", step_size=3, gamma=0.5),
        EarlyStopping(patience=5),
    ],
)
pipe = Pipeline([("scale", StandardScaler()), ("net", net)])
grid = GridSearchCV(
    pipe,
    {"net__lr": [0.05, 0.2], "net__module__units": [8, 16], "net__optimizer": [torch.optim.Adam]},
    cv=3,
    scoring="accuracy",
)
grid.fit(X, y)
print("seconds", time.process_time() - start, file=sys.stderr)
print("value accuracy", np.round(grid.cv_results_["mean_test_score"], 2).tolist())
print("value best", grid.best_params_["net__lr"], grid.best_params_["net__module__units"])
best = grid.best_estimator_.named_steps["net"]
print("value losses", *best.history[:, "train_loss"], *best.history[:, "valid_loss"])
print("value probabilities", grid.predict_proba(X[:3]).tolist())

best.save_params(f_params="net.pt", f_optimizer="optimizer.pt", f_history="history.json")
again = NeuralNetClassifier(
    Net, module__units=grid.best_params_["net__module__units"], optimizer=torch.optim.Adam
).initialize()
again.load_params(f_params="net.pt", f_optimizer="optimizer.pt", f_history="history.json")
scaled = grid.best_estimator_.named_steps["scale"].transform(X[:3]).astype(np.float32)
print("value loaded", again.predict_proba(scaled).tolist())

valid = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(X[:, :1]))
regressor = NeuralNetRegressor(
    nn.Linear, module__in_features=20, module__out_features=1, max_epochs=3, lr=0.01, verbose=0,
    train_split=predefined_split(valid), batch_size=64,
)  # fmt: skip
regressor.fit(X, X[:, :1])
print("value regression", *regressor.history[:, "valid_loss"])

"""`wengert.sklearn`: scikit-learn's own checks, and what they do not look at."""

import os
import pickle
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone
from sklearn.datasets import load_iris, load_linnerud
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

import wengert as wg
from wengert import sklearn as estimators

#: A row that is there twice can fall into two batches, or be held out once; a weight cannot.
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "rows are drawn into batches",
}
SMALL = {"hidden_layer_sizes": (16,), "max_iter": 60, "learning_rate_init": 0.02,
         "random_state": 0}  # fmt: skip


@pytest.mark.parametrize(
    "estimator",
    [
        estimators.MLPClassifier(max_iter=60, random_state=0),
        estimators.MLPRegressor(max_iter=60, random_state=0),
        estimators.TabularClassifier(**SMALL),
        estimators.TabularRegressor(**SMALL),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_scikit_learn_agrees(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(estimator, expected_failed_checks=EXPECTED, on_skip=None)
    failed = [check["check_name"] for check in found if check["status"] == "xfail"]
    assert set(failed) <= set(EXPECTED) and len(found) > 50


def test_all_rows_at_once_weigh_as_they_count():
    X, y = load_iris(return_X_y=True)
    times = np.random.RandomState(0).randint(0, 3, len(X))
    model = estimators.MLPClassifier((8,), solver="lbfgs", random_state=0, max_iter=300, alpha=1e-2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted = clone(model).fit(X, y, sample_weight=times)
        repeated = clone(model).fit(np.repeat(X, times, 0), np.repeat(y, times))
    assert weighted.score(X, y) > 0.97
    assert (weighted.predict(X) == repeated.predict(X)).mean() > 0.97


def test_frames_with_texts_and_missing_values():
    pandas = pytest.importorskip("pandas")
    rng = np.random.RandomState(0)
    kinds = rng.choice(["red", "green", "blue"], 200)
    sizes = rng.randn(200)
    sizes[::9] = np.nan
    frame = pandas.DataFrame(
        {"kind": kinds, "size": sizes, "flag": kinds == "red",
         "level": pandas.Categorical(rng.choice(["low", "high"], 200))}
    )  # fmt: skip
    labels = np.where(kinds == "red", "yes", "no")
    model = estimators.TabularClassifier(**SMALL).fit(frame, labels)
    assert model.score(frame, labels) > 0.98
    assert model.classes_.tolist() == ["no", "yes"]
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.predict_proba(frame).dtype == np.float64
    unseen = frame.assign(kind="mauve")
    assert model.predict(unseen).shape == (200,)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"kind": "sort"}))
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(frame) == model.predict(frame)).all()


def test_several_outputs_and_weights_of_classes():
    X, Y = load_linnerud(return_X_y=True)
    for model in (estimators.TabularRegressor(**SMALL), estimators.MLPRegressor(max_iter=5)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert model.fit(X, Y).predict(X).shape == Y.shape
    rng = np.random.RandomState(0)
    X = rng.randn(300, 2)
    y = (X[:, 0] + rng.randn(300) > 2).astype(int)
    shares = []
    for weight in (None, "balanced", {0: 1, 1: 50}):
        model = estimators.MLPClassifier((8,), max_iter=50, learning_rate_init=0.01,
                                         class_weight=weight, random_state=0)  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shares.append(model.fit(X, y).predict(X).mean())
    assert shares[0] < shares[1] < shares[2]
    labels = np.stack([X[:, 0] > 0, X[:, 1] > 0], 1).astype(int)
    model = estimators.MLPClassifier((8,), learning_rate_init=0.02, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, labels)
    assert model.predict(X).shape == labels.shape and model.score(X, labels) > 0.9


def test_fits_go_on():
    X, y = load_iris(return_X_y=True)
    model = estimators.MLPClassifier((8,), random_state=0, learning_rate_init=0.05)
    for _ in range(30):
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert model.n_iter_ == 30 and model.score(X, y) > 0.9
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X, y + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warm = estimators.MLPClassifier((8,), max_iter=1, warm_start=True, random_state=0)
        losses = [warm.fit(X, y).loss_ for _ in range(10)]
    assert losses[-1] < losses[0] and warm.n_iter_ == 10
    table = estimators.TabularRegressor(**SMALL)
    errors = [1 - table.partial_fit(X[:, :3], X[:, 3]).score(X[:, :3], X[:, 3]) for _ in range(20)]
    assert errors[-1] < errors[0]
    with pytest.raises(TypeError, match="[Ss]parse"):
        from scipy.sparse import csr_matrix

        table.fit(csr_matrix(X), y)


def test_the_callers_random_numbers_stay():
    X, y = load_iris(return_X_y=True)
    wg.manual_seed(3)
    expected = wg.rand(1).item()
    wg.manual_seed(3)
    estimators.TabularClassifier(**{**SMALL, "max_iter": 2}).fit(X, y)
    assert wg.rand(1).item() == expected
    assert wg.get_num_threads() >= 1


def test_threadpoolctl_knows_the_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    before = wg.get_num_threads()
    names = [found["internal_api"] for found in threadpoolctl.threadpool_info()]
    assert "wengert" in names
    with threadpoolctl.threadpool_limits(1):
        assert wg.get_num_threads() == 1
    assert wg.get_num_threads() == before


def test_a_grid_search_in_jobs_gives_each_its_share_of_the_cores():
    code = """
        import os, warnings
        from sklearn.datasets import load_iris
        from sklearn.model_selection import GridSearchCV
        import wengert
        from wengert.sklearn import MLPClassifier

        class Counting(MLPClassifier):
            def score(self, X, y):
                return wengert.get_num_threads()

        X, y = load_iris(return_X_y=True)
        search = GridSearchCV(Counting(max_iter=2), {"alpha": [0.1, 1.0]}, n_jobs=2, cv=2)
        search.fit(X, y)
        assert search.cv_results_["mean_test_score"].max() <= max(1, os.cpu_count() // 2)
        """
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    environment.pop("OMP_NUM_THREADS", None)
    found = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=environment,
                           capture_output=True, text=True)  # fmt: skip
    assert found.returncode == 0, found.stderr


def test_a_grid_search_finds_names_of_parameters():
    X, y = load_iris(return_X_y=True)
    model = estimators.TabularClassifier(**{**SMALL, "max_iter": 20})
    search = GridSearchCV(model, {"hidden_layer_sizes": [(2,), (16,)]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.8
    for wrong in ({"preset": "nonsense"}, {"validation_fraction": 2.0}):
        with pytest.raises(ValueError):
            clone(model).set_params(**wrong).fit(X, y)
    for wrong in (
        {"solver": "x"},
        {"activation": "x"},
        {"hidden_layer_sizes": (0,)},
        {"max_iter": 0},
        {"dropout": 1.0},
        {"batch_size": 0},
    ):
        with pytest.raises(ValueError):
            estimators.MLPClassifier(**wrong).fit(X, y)

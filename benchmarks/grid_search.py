"""GridSearchCV over 24 fits with one job, two and eight.

    python benchmarks/grid_search.py --repeats 3

The first search with so many jobs starts the processes, which import scikit-learn and wengert; the
second finds them there. Both are timed. With one job a fit may use all cores; `one thread` is the
time with one job and one thread. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import time
import warnings

from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

import wengert
from wengert.sklearn import MLPClassifier, TabularClassifier

GRIDS = {
    TabularClassifier: {"learning_rate_init": [0.02, 0.04, 0.06, 0.08], "dropout": [0.0, 0.1]},
    MLPClassifier: {"learning_rate_init": [5e-4, 1e-3, 2e-3, 4e-3], "alpha": [1e-4, 1e-3]},
}


def seconds(kind: type, jobs: int) -> float:
    x, y = load_digits(return_X_y=True)
    search = GridSearchCV(kind(random_state=0), GRIDS[kind], cv=3, n_jobs=jobs, refit=False)
    begun = time.perf_counter()
    search.fit(x, y)
    return time.perf_counter() - begun


def measure(kind: type) -> dict[str, float]:
    """Seconds of 24 fits, by what does them."""
    found = {}
    threads = wengert.get_num_threads()
    wengert.set_num_threads(1)
    found["one thread"] = seconds(kind, 1)
    wengert.set_num_threads(threads)
    found["1 job"] = seconds(kind, 1)
    for jobs in (2, 8):
        get_reusable_executor().shutdown(wait=True)
        found[f"{jobs} jobs, first"] = seconds(kind, jobs)
        found[f"{jobs} jobs"] = seconds(kind, jobs)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts (default 3)")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    for kind in GRIDS:
        all_found = []
        for _ in range(args.repeats):
            all_found.append(measure(kind))
            print(kind.__name__, {k: round(v, 2) for k, v in all_found[-1].items()}, flush=True)
        best = {name: min(found[name] for found in all_found) for name in all_found[0]}
        print(
            f"{kind.__name__}: 2 jobs take {best['2 jobs'] / best['one thread']:.2f} of one job "
            f"with one thread, {best['2 jobs'] / best['1 job']:.2f} of one job with all; "
            f"8 jobs {best['8 jobs'] / best['2 jobs']:.2f} of 2 jobs"
        )


if __name__ == "__main__":
    main()

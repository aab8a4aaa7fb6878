"""scikit-learn's and SciPy's functions for arrays of the standard, of our tensors and NumPy's "
"arrays:
`python -m tests.array_api.ecosystem sklearn` (or scipy) prints what differs.

A process of its own, as both read SCIPY_ARRAY_API while they are imported.
"""

import os
import sys
import warnings

import numpy as np

from tests.array_api.standard import words

#: A name and what it gives, of arrays that are named: X (120, 8), y classes, t targets, s scores...
SKLEARN = {
    "estimators": {
        "Binarizer": "results(P.Binarizer(), X, None, 'transform')",
        "CalibratedClassifierCV, FrozenEstimator": "results(CalibratedClassifierCV(FrozenEstimator("
        "DA.LinearDiscriminantAnalysis().fit(X, y)), method='temperature'), X, y, 'predict_proba')",
        "GaussianMixture": "tuple(results(GaussianMixture(2, init_params='random', random_state=0, "
        "covariance_type=kind), X, None, 'predict predict_proba score means_') for kind in "
        "('full', 'tied', 'diag', 'spherical'))",
        "GaussianNB": "results(GaussianNB(), X, y, 'predict predict_proba theta_ score')",
        "GridSearchCV": "results(MS.GridSearchCV(L.Ridge(solver='svd'), {'alpha': [0.1, 1.0]}), "
        "X, t, "
        "'predict score')",
        "KernelCenterer": "results(P.KernelCenterer(), X @ X.T, None, 'transform')",
        "LabelBinarizer": "P.LabelBinarizer().fit_transform(y)",
        "LabelEncoder": "(P.LabelEncoder().fit_transform(y), P.LabelEncoder().fit(y).classes_)",
        "LinearDiscriminantAnalysis (svd)": "results(DA.LinearDiscriminantAnalysis(), X, y, "
        "'predict predict_proba score decision_function')",
        "LogisticRegression (lbfgs)": "results(L.LogisticRegression(), X, y, 'predict "
        "predict_proba')",
        "MaxAbsScaler": "results(P.MaxAbsScaler(), X, None, 'transform inverse_transform')",
        "MinMaxScaler": "results(P.MinMaxScaler(), X, None, 'transform inverse_transform "
        "data_min_')",
        "Normalizer": "tuple(results(P.Normalizer(n), X, None, 'transform') for n in ('l1', "
        "'l2', 'max'))",
        "Nystroem": "results(Nystroem(n_components=20, random_state=0), X, None, 'transform')",
        "PCA": "results(PCA(3, svd_solver='full'), X, None, 'transform inverse_transform "
        "components_ "
        "explained_variance_ score')",
        "PCA (covariance_eigh, whiten)": "results(PCA(3, svd_solver='covariance_eigh', "
        "whiten=True), X, "
        "None, 'transform inverse_transform singular_values_')",
        "PCA (randomized)": "results(PCA(3, svd_solver='randomized', "
        "power_iteration_normalizer='QR', "
        "random_state=0), X, None, 'transform singular_values_')",
        "PCA (mle)": "results(PCA('mle', svd_solver='full'), X, None, 'transform')",
        "Pipeline": "results(make_pipeline(P.StandardScaler(), PCA(3, svd_solver='full'), "
        "L.Ridge(solver='svd')), X, t, 'predict score')",
        "PoissonRegressor": "results(L.PoissonRegressor(), X, counts, 'predict coef_ score')",
        "PolynomialFeatures": "results(P.PolynomialFeatures(3), X[:, :3], None, 'transform')",
        "Ridge (svd)": "results(L.Ridge(solver='svd'), X, t, 'predict coef_ intercept_ score')",
        "RidgeCV": "results(L.RidgeCV(), X, t, 'predict coef_ alpha_')",
        "RidgeClassifier (svd)": "results(L.RidgeClassifier(solver='svd'), X, y, 'predict coef_')",
        "RidgeClassifierCV": "results(L.RidgeClassifierCV(), X, y, 'predict decision_function')",
        "StandardScaler": "results(P.StandardScaler(), X, None, 'transform inverse_transform "
        "mean_ var_')",
    },
    "metrics of classes": {
        **{
            name: f"M.{name}(one, two)"
            for name in words(
                """accuracy_score balanced_accuracy_score class_likelihood_ratios cohen_kappa_score
                confusion_matrix f1_score hamming_loss jaccard_score multilabel_confusion_matrix
                precision_recall_fscore_support precision_score recall_score zero_one_loss"""
            )
        },
        "fbeta_score": "M.fbeta_score(one, two, beta=2)",
        **{
            name: f"M.{name}(one, s)"
            for name in [
                "average_precision_score",
                "brier_score_loss",
                "d2_brier_score",
                "d2_log_loss_score",
                "det_curve",
                "log_loss",
                "precision_recall_curve",
            ]
        },
        "cluster.entropy": "M.cluster.entropy(y)",
    },
    "metrics of numbers": {
        name: f"M.{name}(counts, others)"
        for name in words(
            """d2_absolute_error_score d2_pinball_score d2_tweedie_score explained_variance_score
            max_error mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance
            mean_pinball_loss mean_poisson_deviance mean_squared_error mean_squared_log_error
            mean_tweedie_deviance median_absolute_error r2_score root_mean_squared_error
            root_mean_squared_log_error"""
        )
    },
    "pairs": {
        **{
            name: f"M.pairwise.{name}(A, B)"
            for name in words(
                """additive_chi2_kernel chi2_kernel cosine_distances cosine_similarity
                euclidean_distances laplacian_kernel linear_kernel manhattan_distances
                pairwise_distances pairwise_distances_argmin pairwise_kernels polynomial_kernel
                rbf_kernel sigmoid_kernel"""
            )
        },
        **{
            name: f"M.pairwise.{name}(B, B * B)"
            for name in [
                "paired_cosine_distances",
                "paired_euclidean_distances",
                "paired_manhattan_distances",
            ]
        },
    },
    "tools": {
        "model_selection.cross_val_predict": "MS.cross_val_predict(L.Ridge(solver='svd'), X, t)",
        "model_selection.train_test_split": "tuple(MS.train_test_split(X, y, random_state=0))",
        "preprocessing.label_binarize": "P.label_binarize(y, classes=[0, 1, 2])",
        "preprocessing.normalize": "P.normalize(X)",
        "utils.check_array": "check_array(X)",
    },
}
#: What scikit-learn 1.9 does not do for tensors of any library but NumPy.
NOT_SKLEARN = {
    "LinearRegression": "L.LinearRegression().fit(X, t)",
    "RobustScaler": "P.RobustScaler().fit(X)",
    "SplineTransformer": "P.SplineTransformer().fit(X)",
    "pairwise_distances_argmin_min": "M.pairwise.pairwise_distances_argmin_min(A, B)",
    "roc_auc_score": "M.roc_auc_score(one, s)",
    "roc_curve": "M.roc_curve(one, s)",
    "matthews_corrcoef": "M.matthews_corrcoef(one, two)",
    "scale": "P.scale(X)",
    "minmax_scale": "P.minmax_scale(X)",
}
#: One call each of what SciPy 1.17 has for arrays of the standard, in a part each.
SCIPY = {
    "special": {
        **{
            name: f"special.{name}(positive)"
            for name in words(
                """entr erf erfc expit gammaln i0 i0e i1 i1e log_ndtr ndtr psi gamma j0 j1 k0 k1 y0
                y1 exp2 cbrt sinc loggamma"""
            )
        },
        **{
            name: f"special.{name}(positive, unit)"
            for name in words(
                """chdtr chdtrc gammainc gammaincc rel_entr xlog1py xlogy boxcox huber betaln
                poch"""
            )
        },
        **{name: f"special.{name}(unit)" for name in ("erfinv", "logit", "ndtri")},
        **{name: f"special.{name}(X, axis=1)" for name in ("logsumexp", "softmax", "log_softmax")},
        "multigammaln": "special.multigammaln(positive + 2, 3)",
        "polygamma": "special.polygamma(integers, positive)",
        "zeta": "special.zeta(positive + 1, unit)",
    },
    "stats": {
        **{
            name: f"stats.{name}(X, axis=0)"
            for name in words(
                """describe kurtosis kurtosistest median_abs_deviation moment normaltest sem skew
                skewtest tmean tstd tvar tmin tmax variation zscore jarque_bera iqr rankdata
                kstat kstatvar circmean circvar circstd"""
            )
        },
        **{
            name: f"stats.{name}(X[:, 0], X[:, 1])"
            for name in words(
                """pearsonr ttest_ind ttest_rel mannwhitneyu wilcoxon cramervonmises_2samp ansari
                levene bartlett fligner mood kruskal f_oneway chatterjeexi"""
            )
        },
        "gmean hmean pmean": "(stats.gmean(positive), stats.hmean(positive), "
        "stats.pmean(positive, 2))",
        "trim_mean": "stats.trim_mean(X, 0.1)",
        "gstd": "stats.gstd(positive)",
        "entropy": "stats.entropy(positive, unit)",
        "differential_entropy": "stats.differential_entropy(X)",
        "mode": "stats.mode(y)",
        "quantile": "stats.quantile(X, 0.3, axis=0)",
        "chisquare": "stats.chisquare(counts[:9])",
        "power_divergence": "stats.power_divergence(counts[:9], lambda_=1.5)",
        "ttest_1samp": "stats.ttest_1samp(X, 0.0)",
        "friedmanchisquare": "stats.friedmanchisquare(X[:, 0], X[:, 1], X[:, 2])",
        "alexandergovern": "stats.alexandergovern(X[:, 0], X[:, 1]).statistic",
        "combine_pvalues": "stats.combine_pvalues(unit)",
        "false_discovery_control": "stats.false_discovery_control(unit)",
        "directional_stats": "stats.directional_stats(X).mean_direction",
        "sigmaclip": "stats.sigmaclip(t, 2.0, 2.0)",
        "boxcox_llf": "stats.boxcox_llf(0.5, positive)",
        "epps_singleton_2samp": "stats.epps_singleton_2samp(X[:, 0], X[:, 1])",
        "spearmanrho": "stats.spearmanrho(X[:, 0], X[:, 1])",
    },
    "linalg": {
        "block_diag": "linalg.block_diag(A, B)",
        "fiedler": "linalg.fiedler(t)",
        "orthogonal_procrustes": "linalg.orthogonal_procrustes(A[:7], B)",
    },
    "ndimage": {
        **{
            name: f"ndimage.{name}(image, 3)"
            for name in [
                "gaussian_filter",
                "maximum_filter",
                "median_filter",
                "minimum_filter",
                "uniform_filter",
                "grey_dilation",
                "grey_erosion",
            ]
        },
        **{
            name: f"ndimage.{name}(image)"
            for name in ["sobel", "laplace", "prewitt", "center_of_mass"]
        },
        "rotate": "ndimage.rotate(image, 30.0)",
        "zoom": "ndimage.zoom(image, 2.0)",
        "shift": "ndimage.shift(image, 1.5)",
        "label": "ndimage.label(image > 0)",
        "binary_dilation": "ndimage.binary_dilation(image > 0)",
        "distance_transform_edt": "ndimage.distance_transform_edt(image > 0)",
        "convolve": "ndimage.convolve(image, A[:3, :3])",
    },
    "signal, integrate, optimize, others": {
        "signal.convolve": "signal.convolve(t, t[:9], method='direct')",
        "signal.filtfilt, lfilter": "(signal.filtfilt(unit[:3], positive[:3], t), "
        "signal.lfilter(unit[:3], positive[:3], t))",
        "signal.detrend, resample_poly": "(signal.detrend(t), signal.resample_poly(t, 3, 2))",
        "signal.savgol_filter, medfilt": "(signal.savgol_filter(t, 7, 2), signal.medfilt(t, 3))",
        "signal.windows": "signal.windows.hann(16, xp=xp)",
        "integrate.trapezoid, romb": "(integrate.trapezoid(t), integrate.romb(t[:65]))",
        "integrate.cumulative_trapezoid, cumulative_simpson": "(integrate.cumulative_trapezoid(t), "
        "integrate.cumulative_simpson(t))",
        "integrate.tanhsinh": "integrate.tanhsinh(lambda x: xp.exp(-x * x), unit, "
        "positive).integral",
        "optimize.elementwise.find_root": "find_root(lambda x, c: x**3 - c, (0 * unit, 3 + unit), "
        "args=(positive,)).x",
        "optimize.elementwise.find_minimum": "find_minimum(lambda x, c: (x - c) ** 2, (0 * unit "
        "- 3, "
        "unit, 0 * unit + 9), args=(positive,)).x",
        "optimize.rosen, rosen_der, rosen_hess": "(optimize.rosen(t), optimize.rosen_der(t), "
        "optimize.rosen_hess(t[:5]))",
        "differentiate.derivative": "derivative(lambda x: xp.exp(x), unit).df",
        "differentiate.jacobian": "jacobian(lambda x: xp.sin(x) * 2, unit[:3]).df",
        "cluster.vq.kmeans2, vq, whiten": "(vq.vq(X, X[:4]), vq.whiten(X), "
        "vq.kmeans2(X, X[:4], minit='matrix'))",
        "cluster.hierarchy.linkage, fcluster": "(hierarchy.linkage(X), "
        "hierarchy.fcluster(hierarchy.linkage(X), 1.5))",
        "interpolate.CubicSpline, make_interp_spline": "(CubicSpline(steps, t)(positive), "
        "make_interp_spline(steps, t)(positive))",
        "spatial.transform.Rotation": "(Rotation.from_rotvec(B[:, :3]).as_matrix(), "
        "Rotation.from_euler('zyx', B[:, :3]).as_quat())",
        "fft.dct, dst": "(fft.dct(t), fft.dst(t))",
        "constants.convert_temperature": "constants.convert_temperature(t, 'C', 'K')",
    },
}

#: What SciPy 1.17 does not do for ours.
NOT_SCIPY = {
    "interpolate.PchipInterpolator": "PchipInterpolator(steps, t)(positive)",
    "interpolate.RBFInterpolator": "RBFInterpolator(X[:40, :2], t[:40])(X[40:50, :2])",
    "signal.fftconvolve": "signal.fftconvolve(t, t[:9])",
    "fft.rfft": "fft.rfft(t)",
}


def arrays():
    """The arrays by name, as NumPy's."""
    from sklearn.datasets import make_classification

    rng = np.random.default_rng(0)
    X, y = make_classification(120, 8, n_informative=5, n_classes=3, random_state=0)
    found = {"X": X, "y": y, "t": X @ rng.standard_normal(8) + 0.1 * rng.standard_normal(120)}
    found["one"], found["two"] = rng.integers(0, 2, 50), rng.integers(0, 2, 50)
    found["s"], found["integers"] = rng.random(50), rng.integers(1, 4, 40)
    found["counts"], found["others"] = rng.random(120) * 9 + 0.1, rng.random(120) * 9 + 0.1
    found["A"], found["B"] = rng.random((10, 4)) + 0.1, rng.random((7, 4)) + 0.1
    found["positive"], found["unit"] = rng.random(40) * 3 + 0.05, rng.random(40) * 0.98 + 0.01
    found["image"], found["steps"] = rng.standard_normal((12, 14)), np.arange(120.0) / 30
    return found


def results(estimator, X, y, names):
    """What attributes and methods of a fitted estimator give, in order."""
    estimator = estimator.fit(X) if y is None else estimator.fit(X, y)
    found = []
    for name in names.split():
        value = getattr(estimator, name)
        if name == "score":
            value = value(X) if y is None else value(X, y)
        elif name == "inverse_transform":
            value = value(estimator.transform(X))
        elif callable(value):
            value = value(X)
        found.append(value)
    return tuple(found)


def names_of_sklearn():
    import sklearn
    from sklearn import discriminant_analysis, linear_model, metrics, model_selection, preprocessing
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.decomposition import PCA
    from sklearn.frozen import FrozenEstimator
    from sklearn.kernel_approximation import Nystroem
    from sklearn.mixture import GaussianMixture
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.utils import check_array

    sklearn.set_config(array_api_dispatch=True)
    whole = (CalibratedClassifierCV, PCA, FrozenEstimator, Nystroem, GaussianMixture, GaussianNB)
    return {
        "DA": discriminant_analysis,
        "L": linear_model,
        "M": metrics,
        "MS": model_selection,
        "P": preprocessing,
        **{thing.__name__: thing for thing in (*whole, make_pipeline, check_array)},
    }


def names_of_scipy():
    from scipy import (  # noqa: F401
        constants,
        fft,
        integrate,
        linalg,
        ndimage,
        optimize,
        signal,
        special,
        stats,
    )
    from scipy.cluster import hierarchy, vq  # noqa: F401
    from scipy.differentiate import derivative, jacobian  # noqa: F401
    from scipy.interpolate import (  # noqa: F401
        CubicSpline,
        PchipInterpolator,
        RBFInterpolator,
        make_interp_spline,
    )
    from scipy.optimize.elementwise import find_minimum, find_root  # noqa: F401
    from scipy.spatial.transform import Rotation  # noqa: F401

    return dict(locals())


def differences(found, expected):
    """What of ours is not as NumPy's: a word or two."""
    import wengert

    if isinstance(expected, (tuple, list)):
        pairs = zip(found, expected, strict=True)
        return next((wrong for one, other in pairs if (wrong := differences(one, other))), "")
    if hasattr(expected, "_fields"):
        return differences(tuple(found), tuple(expected))
    if not isinstance(expected, (np.ndarray, np.generic, float, int)):
        if hasattr(expected, "statistic"):
            return differences(found.statistic, expected.statistic)
        return f"is {expected!r:.60}, which is not compared"
    if isinstance(expected, np.ndarray) and not isinstance(found, wengert.Tensor):
        return f"is {type(found).__name__}, no tensor"
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return f"has shape {found.shape}, not {expected.shape}"
    if not np.allclose(found, expected, rtol=1e-6, atol=1e-8, equal_nan=True):
        return f"differs by {np.abs(found - expected).max():.2g}"
    return ""


def failures(rows, names):
    """What went wrong, by name."""
    import wengert

    given = arrays()
    tensors = {name: wengert.from_numpy(array.copy()) for name, array in given.items()}
    ours = {**names, **tensors, "xp": wengert.ones(1).__array_namespace__(), "results": results}
    theirs = {**names, **given, "xp": np, "results": results}
    wrong = {}
    for name, text in rows.items():
        try:
            expected = eval(text, dict(theirs))
            found = differences(eval(text, dict(ours)), expected)
        except Exception as error:  # all of them are wanted
            found = f"{type(error).__name__}: {error}"
        if found:
            wrong[name] = found
    return wrong


def main(library):
    os.environ["SCIPY_ARRAY_API"] = "1"
    warnings.simplefilter("ignore")
    names = names_of_sklearn() if library == "sklearn" else names_of_scipy()
    tables = SKLEARN if library == "sklearn" else SCIPY
    count = 0
    for part, rows in tables.items():
        count += len(rows)
        for name, why in failures(rows, names).items():
            print(f"{part}: {name} {why}")
    lacking = NOT_SKLEARN if library == "sklearn" else NOT_SCIPY
    for name in lacking.keys() - failures(lacking, names).keys():
        print(f"{name} works, and is listed as if it did not")
    print(f"{count} of {library}")


if __name__ == "__main__":
    main(sys.argv[1])

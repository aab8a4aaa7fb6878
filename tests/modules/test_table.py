"""Properties of every module class of `nn.__all__`, over the table."""

import copy
import inspect
import io
import pickle

import numpy as np
import pytest

import wengert as wg
from tests.capture.captures import bits
from tests.conftest import torch
from tests.modules import stored
from tests.modules.table import CASES, MODULES, call, gradients, inputs, make
from wengert.autograd import gradcheck, gradgradcheck

pytestmark = pytest.mark.filterwarnings("ignore:`NLLLoss2d`")
VALUES = stored.load()
STORE = "write it with `python -m tests.modules.store`, which needs torch"
# In float64 some constants of torch's are of float32. In float32 both round layer upon layer, torch
# by products that differ between CPUs.
TOLERANCES = {"float32": {"rtol": 1e-5, "atol": 1e-5}, "float64": {"rtol": 1e-7, "atol": 1e-9}}


def cases(applies):
    chosen = [(n, i) for n, cs in CASES.items() for i, c in enumerate(cs) if applies(c)]
    return pytest.mark.parametrize(("name", "i"), chosen, ids=[f"{n}-{i}" for n, i in chosen])


every_case = cases(lambda case: True)
every_call = cases(lambda case: case.inputs is not None)


def entry(name, case):
    return VALUES[f"{name} {case.mark()}"]


def test_every_class_has_cases():
    missing = [name for name in MODULES if not CASES.get(name)]
    assert not missing, f"modules without cases in tests/modules/table.py: {missing}"
    unknown = [name for name in CASES if name not in MODULES]
    assert not unknown, f"cases of modules that do not exist: {unknown}"


def test_every_case_has_numbers():
    ours = {f"{name} {case.mark()}" for name, cs in CASES.items() for case in cs}
    assert ours == set(VALUES), f"the values in {stored.FILE.name} are of another table: {STORE}"


# ---- values


def arrays(tensors):
    return [np.asarray(t.detach().numpy()) for t in tensors]


def assert_close(ours, theirs, dtype):
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape and a.dtype.name == dtype
        np.testing.assert_allclose(a, b, **TOLERANCES[dtype])


@every_call
def test_stored_values(name, i):
    """The result and the gradients of inputs and parameters, in training and after eval()."""
    case = CASES[name][i]
    expected = entry(name, case)
    module = make(name, case)
    theirs = [np.array(values, float).reshape(shape) for shape, values in expected["train"]]
    assert_close(arrays(gradients(case, module)), theirs, "float64")
    single = arrays(gradients(case, make(name, case, dtype="float32"), dtype="float32"))
    assert_close(single, theirs, "float32")
    assert_close(arrays([call(case, make(name, case), inputs(case))]), theirs[:1], "float64")
    assert module.training and module.eval() is module and not module.training
    shape, values = expected.get("eval", expected["train"][0])
    y = call(case, module, inputs(case))
    assert_close(arrays([y]), [np.array(values, float).reshape(shape)], "float64")


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("dtype", TOLERANCES)
@every_call
def test_values_equal_torch(name, i, dtype):
    """With torch's state, whose keys and shapes are ours."""
    case = CASES[name][i]
    ours, theirs = make(name, case, dtype=dtype), make(name, case, torch, dtype)
    for p in theirs.parameters():
        p.data.mul_(1.5)
    state = {key: wg.from_numpy(t.numpy()) for key, t in theirs.state_dict().items()}
    ours.load_state_dict(state)
    results = [gradients(case, m, t, dtype) for m, t in ((ours, wg), (theirs, torch))]
    assert_close(*map(arrays, results), dtype)


@every_case
def test_state_and_repr(name, i):
    case = CASES[name][i]
    expected = entry(name, case)
    module = make(name, case)
    assert repr(module).replace("wengert.", "torch.") == expected["repr"]
    state = module.state_dict()
    assert {key: list(t.shape) for key, t in state.items()} == expected["state"]
    with wg.no_grad():
        for p in module.parameters():
            p += 1
    other = make(name, case)
    other.load_state_dict(module.state_dict())
    assert bits(other.state_dict()) == bits(module.state_dict())


@every_call
def test_copies_are_equal_and_apart(name, i):
    """A deep copy, a pickle and a saved file give the same bits and share no memory."""
    case = CASES[name][i]
    module = make(name, case).eval()
    file = io.BytesIO()
    wg.save(module, file)
    file.seek(0)
    saved = wg.load(file, weights_only=False)
    expected = bits(gradients(case, module))
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), saved):
        assert type(other) is type(module) and repr(other) == repr(module)
        assert not other.training
        assert bits(gradients(case, other)) == expected
        with wg.no_grad():
            for p in other.parameters():
                p.zero_()
    assert bits(gradients(case, module)) == expected


# ---- capture, derivatives, errors


@every_call
def test_a_replay_is_the_call(name, i):
    """The result and all gradients, bit by bit."""
    case = CASES[name][i]

    def run(module, step):
        def pass_(*xs):
            leaves = [
                x.detach().requires_grad_(given.requires_grad)
                for x, given in zip(xs, inputs(case), strict=True)
            ]
            copies = [x.clone() for x in leaves]
            y = case.use(module, *copies) if case.use else module(*copies)
            places = [x for x in leaves if x.requires_grad] + list(module.parameters())
            return y.detach(), wg.autograd.grad((y * y).sum(), places, allow_unused=True)

        step = step(pass_)
        results = []
        for scale in (1.0, 0.5, 0.9):
            xs = [x.detach() * scale if x.requires_grad else x for x in inputs(case)]
            wg.manual_seed(SEEDS[scale])
            results.append(bits(step(*xs)))
        return results, step

    if not case.replayed:
        with pytest.raises(wg.CaptureError):
            run(make(name, case), wg.capture)
        return
    expected, _ = run(make(name, case), lambda f: f)
    replayed, step = run(make(name, case), wg.capture)
    assert replayed == expected
    assert step.cache_info().hits == 2


SEEDS = {1.0: 1, 0.5: 2, 0.9: 3}


@cases(lambda case: case.inputs and case.inputs.args[0].size and case.slope)
def test_gradients_of_order_one_and_two(name, i):
    case = CASES[name][i]
    module = make(name, case)
    tables = [m._parameters for m in module.modules()]
    places = [(table, key) for table in tables for key, p in table.items() if p is not None]
    xs = inputs(case)

    def function(*values):
        for (table, key), p in zip(places, values[len(xs) :], strict=True):
            table[key] = p
        return call(case, module, values[: len(xs)])

    given = (*xs, *(table[key] for table, key in places))
    assert gradcheck(function, given, fast_mode=True)
    assert gradgradcheck(function, given, fast_mode=True)


WIDER = "defined for more inputs than torch's, which raises"
WHOLE = ["GLU", "Hardshrink", "HuberLoss", "PReLU", "Softshrink", "Threshold"]
DIFFERENT = {
    ("CrossMapLRN2d", "int64"): WIDER,
    **{(name, "int64"): WIDER for name in WHOLE},
    ("Dropout1d", "two dimensions more"): WIDER,
    ("Dropout", "int64"): "integers are refused for every p; torch's are zeroed for p = 1",
    ("CrossEntropyLoss", "two dimensions more"): "the dtype of the target is looked at first",
}


@cases(lambda case: case.inputs is not None and case.use is None)
def test_bad_input_is_an_exception_of_torchs_type(name, i):
    case = CASES[name][i]
    expected = entry(name, case)["bad"]
    for what, error in stored.errors(name, case, wg).items():
        if (name, what) in DIFFERENT:
            continue
        if what == "text" and expected[what]:
            # torch's is an AttributeError where it looks at the shape first.
            assert isinstance(error, (TypeError, AttributeError)) and "str" in str(error)
        else:
            assert stored.kind(error) == expected[what], f"{what}: {error!r}"
        assert error is None or str(error)


@pytest.mark.parametrize("name", MODULES)
def test_arguments_that_do_not_exist(name):
    cls = getattr(wg.nn, name)
    parameters = inspect.signature(cls.__init__).parameters.values()
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters) and name != "Module":
        return  # as torch's: whatever is given
    with pytest.raises(TypeError, match="no_such_argument"):
        cls(no_such_argument=1)

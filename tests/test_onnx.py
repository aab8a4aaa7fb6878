"""ONNX files: checked by `onnx`, run by `onnxruntime`, where they are installed."""

import io

import numpy as np
import pytest

import wengert as wg
from tests.onnx_models import FUNCTIONS, MODELS, flat
from wengert import nn
from wengert.nn import functional as F
from wengert.onnx import OnnxExporterError, export

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def check(model, *calls, **options):
    """Exports for the first call; all give what the model gives. The session, and the model."""
    data = export(model, calls[0], **options)
    found = onnx.load_from_string(data)
    onnx.checker.check_model(found, full_check=True)
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [x.name for x in session.get_inputs()]
    if isinstance(model, nn.Module):
        model.eval()
    for args in calls:
        with wg.no_grad():
            wanted = flat(model(*args))
        given = {name: arg.numpy() for name, arg in zip(names, args, strict=True)}
        got = session.run(None, given)
        assert len(got) == len(wanted)
        for mine, theirs in zip(wanted, got, strict=True):
            assert tuple(mine.shape) == theirs.shape and mine.numpy().dtype == theirs.dtype
            np.testing.assert_allclose(theirs, mine.numpy(), rtol=1e-5, atol=1e-5)
    return session, found


@pytest.mark.parametrize("opset", [17, 20])
@pytest.mark.parametrize("name", list(MODELS))
def test_models_give_the_same(name, opset):
    make, calls, axes = MODELS[name]
    wg.manual_seed(1)
    model = make()
    dynamic = {"x": axes}
    session, found = check(
        model, *calls, input_names=["x"], dynamic_axes=dynamic, opset_version=opset
    )
    shape = session.get_inputs()[0].shape
    named = list(axes.values()) if isinstance(axes, dict) else ["x_dim_0", "x_dim_1"][: len(axes)]
    assert [d for d in shape if isinstance(d, str)] == named
    weights = {x.name for x in found.graph.initializer}
    assert set(dict(model.named_parameters())) <= weights
    check(model, calls[0], opset_version=opset)


def test_functions_of_views_and_of_memory_that_is_changed():
    index = wg.tensor([2, 0])

    def views(x, y):
        a = wg.cat([x[:, 1:3].t(), x[1:3, ::2].repeat(1, 2)[:, :4]], 0)
        b = x.flip(1)[:, :4] + x.diagonal() * x[0, 0] + x.view(2, 2, 6)[:, 1, 3:][:, None, :1]
        z = x.clone()
        z[1:3, 2].copy_(y[:2])
        z.mul_(2).relu_()
        c = wg.stack([z, x], 1)[:, 0].index_select(0, index)
        return a, b, c, z, x.expand(2, 4, 6).sum((0, 2)), y.view(2, 2).flip(0)

    check(views, (wg.randn(4, 6), wg.randn(4)), input_names=["x", "y"])


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_functions_give_the_same(name):
    wg.manual_seed(2)
    check(FUNCTIONS[name], (wg.randn(4, 6),))


def test_files_names_and_modes(tmp_path):
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5), nn.BatchNorm1d(2))
    model[2].eval()
    path = tmp_path / "m.onnx"
    data = export(model, wg.ones(2, 3), path, output_names=["y"], verbose=False, dynamo=True)
    assert path.read_bytes() == data and [m.training for m in model] == [True, True, False]
    stream = io.BytesIO()
    export(model, (wg.ones(2, 3),), stream, output_names=["y"])
    assert stream.getvalue() == data
    graph = onnx.load(path).graph
    assert [x.name for x in graph.input] == ["input"] and [x.name for x in graph.output] == ["y"]


def test_what_cannot_be_exported_says_why():
    x = wg.randn(3, 3)
    for model, text in (
        (lambda x: x.sort().values, "sort: there are no nodes"),
        (lambda x: F.dropout(x), "dropout"),
        (lambda x: wg.randn(3) + x, "randn|random|draws"),
        (lambda x: x.roll(1, 0), "_roll: there are no nodes"),
        (lambda x: x[x > 0], "depend"),
    ):
        with pytest.raises(RuntimeError, match=text):
            export(model, x)
    with pytest.raises(OnnxExporterError, match="argument 1 must be a tensor"):
        export(lambda x, n: x * n, (x, 2))
    with pytest.raises(OnnxExporterError, match="kwargs is not taken"):
        export(nn.ReLU(), x, kwargs={"a": x})
    with pytest.raises(ValueError, match="opset_version is 9"):
        export(nn.ReLU(), x, opset_version=9)
    with pytest.raises(ValueError, match="2 names for 1 inputs"):
        export(nn.ReLU(), x, input_names=["a", "b"])
    with pytest.raises(ValueError, match="no dimension 5"):
        export(nn.ReLU(), x, input_names=["a"], dynamic_axes={"a": [5]})
    with pytest.raises(OnnxExporterError, match="dynamic_axes"):
        export(lambda x: x.std(0), x, input_names=["x"], dynamic_axes={"x": [0]})

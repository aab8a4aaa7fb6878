"""ONNX files read: what `export` writes, what `onnx` makes, and what is no model."""

import contextlib
import copy
import io
import pickle
import random

import numpy as np
import pytest

import wengert as wg
from tests.onnx_models import FUNCTIONS, MODELS, Residual, flat
from wengert import nn
from wengert.nn import functional as F
from wengert.onnx import export, load
from wengert.onnx._model import Graph


def same(mine, theirs, tolerance=1e-5):
    mine, theirs = flat(mine), flat(theirs)
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=tolerance, atol=tolerance)


def state(model):
    return {name for name in model.state_dict() if "num_batches" not in name}


@pytest.mark.parametrize("opset", [17, 21])
@pytest.mark.parametrize("name", list(MODELS))
def test_what_was_exported_comes_back(name, opset):
    make, calls, axes = MODELS[name]
    wg.manual_seed(1)
    model = make()
    data = export(model, calls[0], input_names=["x"], dynamic_axes={"x": axes}, opset_version=opset)
    loaded = load(data)
    model.eval()
    with wg.no_grad():
        for args in calls:
            same(loaded(*args), model(*args))
        same(loaded(x=calls[0][0]), model(*calls[0]))
    assert set(loaded.state_dict()) == state(model)
    assert dict(model.named_parameters()).keys() == dict(loaded.named_parameters()).keys()


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_functions_come_back(name):
    wg.manual_seed(2)
    x = wg.randn(4, 6)
    same(load(export(FUNCTIONS[name], x))(x), FUNCTIONS[name](x), 1e-6)


def test_a_loaded_model_trains_as_the_one_it_was():
    wg.manual_seed(3)
    model = Residual()
    x, y = wg.randn(6, 3, 16, 16), wg.randint(0, 4, (6,))
    loaded = load(export(model, (x,), dynamic_axes={"input": [0]}))
    assert not loaded.training
    results = []
    for net in (model, loaded):
        net.train()
        optimizer = wg.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

        def step(x, y, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        step = wg.capture(step)
        results.append([step(x, y).item() for _ in range(4)])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4)
    assert results[0][-1] < results[0][0]
    assert step.cache_info().hits == 3
    found = loaded.state_dict()
    for name in state(model):
        np.testing.assert_allclose(
            found[name].numpy(), model.state_dict()[name].numpy(), rtol=1e-3, atol=1e-4
        )


def test_copies_pickles_and_second_exports(tmp_path):
    wg.manual_seed(4)
    model, x = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid()), wg.randn(2, 4)
    path = tmp_path / "m.onnx"
    export(model, x, path)
    loaded = load(path)
    others = copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded)), load(io.BytesIO(
        export(loaded, x))), load(str(path))  # fmt: skip
    with wg.no_grad():
        for other in others:
            assert other(x).tolist() == model(x).tolist()
            assert set(other.state_dict()) == set(model.state_dict())
    assert "input -> output" in repr(loaded)
    model.load_state_dict(loaded.state_dict())


def test_bfloat16_and_float16():
    wg.manual_seed(5)
    for dtype in (wg.bfloat16, wg.float16):
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).to(dtype)
        x = wg.randn(3, 4).to(dtype)
        shift, none = wg.tensor([1.5, -2.0, 0.25, 3.0]).to(dtype), wg.zeros(2, dtype=dtype)
        loaded = load(export(lambda x, m=model, s=shift, n=none: m(x * s + 0.5) + n, x))
        got, wanted = loaded(x), model(x * shift + 0.5)
        assert got.dtype == dtype and got.tolist() == wanted.tolist()
        assert {p.dtype for p in load(export(model, x)).parameters()} == {dtype}


# ---- operators ---------------------------------------------------------------------------------

R = np.random.default_rng(0)


def f32(*shape):
    return R.standard_normal(shape).astype(np.float32)


def i64(*values):
    return np.asarray(values, np.int64)


def recurrent(kind, gates, directions=1, states=1):
    weights = [f32(directions, gates * 3, 2), f32(directions, gates * 3, 3)]
    bias, first = f32(directions, gates * 6), [f32(directions, 4, 3) for _ in range(states)]
    return [f32(5, 4, 2), *weights, bias, None, *first]


#: (operator, inputs of which those behind the first are initializers, attributes, opset).
NODES = [
    ("Gemm", [f32(3, 4), f32(3, 5), f32(4, 5)], {"transA": 1, "alpha": 0.5, "beta": 2.0}, 17),
    ("Conv", [f32(2, 3, 9, 8), f32(4, 3, 3, 2), f32(4)], {"auto_pad": "SAME_LOWER"}, 17),
    ("Conv", [f32(2, 3, 9), f32(4, 3, 3)], {"pads": [2, 0], "strides": [2]}, 17),
    ("ConvTranspose", [f32(2, 3, 5, 4), f32(3, 2, 3, 3), f32(2)],
     {"strides": [2, 2], "pads": [1, 0, 0, 1], "output_padding": [1, 0]}, 17),
    ("ConvTranspose", [f32(1, 2, 4), f32(2, 2, 3)], {"strides": [2], "output_shape": [7]}, 17),
    ("MaxPool", [f32(2, 3, 7, 7)],
     {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 1], "ceil_mode": 1}, 17),
    ("AveragePool", [f32(2, 3, 7)], {"kernel_shape": [3], "pads": [2, 1], "strides": [2]}, 17),
    ("AveragePool", [f32(2, 3, 7)], {"kernel_shape": [3], "pads": [1, 1],
                                     "count_include_pad": 1}, 17),
    ("GlobalMaxPool", [f32(2, 3, 4, 5)], {}, 17),
    ("BatchNormalization", [f32(3, 4, 2), f32(4), f32(4), f32(4), f32(4) ** 2],
     {"epsilon": 1e-2}, 17),
    ("InstanceNormalization", [f32(3, 4, 5), f32(4), f32(4)], {}, 17),
    ("LayerNormalization", [f32(3, 4, 5), f32(4, 5), f32(4, 5)], {"axis": 1}, 17),
    ("LRN", [f32(2, 6, 3, 3)], {"size": 3, "alpha": 0.1, "beta": 0.6, "bias": 2.0}, 17),
    ("LSTM", recurrent("LSTM", 4, 2, 2), {"hidden_size": 3, "direction": "bidirectional"}, 17),
    ("LSTM", recurrent("LSTM", 4)[:3], {"hidden_size": 3, "direction": "reverse"}, 17),
    ("GRU", recurrent("GRU", 3), {"hidden_size": 3}, 17),
    ("GRU", recurrent("GRU", 3, 2), {"hidden_size": 3, "linear_before_reset": 1,
                                     "direction": "bidirectional"}, 17),
    ("RNN", recurrent("RNN", 1), {"hidden_size": 3, "activations": ["Relu"]}, 17),
    ("Resize", [f32(1, 2, 3, 4), None, np.float32([1, 1, 2, 1.5])], {"mode": "linear"}, 17),
    ("Resize", [f32(1, 2, 5, 4), None, None, i64(1, 2, 3, 7)], {"mode": "nearest"}, 17),
    ("Resize", [f32(1, 2, 3, 4), None, np.float32([1, 1, 2, 2])],
     {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}, 17),
    ("Resize", [f32(1, 2, 3, 4), None, None, i64(1, 2, 6, 6)],
     {"mode": "cubic", "coordinate_transformation_mode": "align_corners"}, 17),
    ("Softmax", [f32(2, 3, 4)], {}, 11),
    ("Softmax", [f32(2, 3, 4)], {"axis": 1}, 13),
    ("Slice", [f32(5, 6), i64(-1, 4), i64(-9, 0), i64(0, 1), i64(-2, -1)], {}, 17),
    ("Gather", [f32(4, 5), i64(0, -1)[:, None]], {"axis": 1}, 17),
    ("Gather", [f32(4, 5), np.asarray(-2)], {}, 17),
    ("GatherND", [f32(4, 5), i64(0, 1, 3, 2).reshape(2, 2)], {}, 17),
    ("ScatterElements", [f32(3, 4), i64(0, 2)[None], f32(1, 2)],
     {"axis": 1, "reduction": "add"}, 17),
    ("ScatterND", [f32(4, 2), i64(3, 0)[:, None], f32(2, 2)], {}, 17),
    ("Pad", [f32(2, 3, 4), i64(0, 1, 2, 0, 0, 1)], {"mode": "reflect"}, 17),
    ("Pad", [f32(2, 3), i64(1, 0), np.float32(2.5), i64(1)], {}, 18),
    ("Reshape", [f32(2, 3, 4), i64(0, -1)], {}, 17),
    ("Expand", [f32(3, 1), i64(2, 1, 4)], {}, 17),
    ("Tile", [f32(2, 3), i64(2, 1)], {}, 17),
    ("Split", [f32(2, 7), i64(3, 4)], {"axis": 1}, 17),
    ("Squeeze", [f32(2, 1, 3, 1)], {}, 17),
    ("Unsqueeze", [f32(2, 3), i64(-1, 0)], {}, 17),
    ("ReduceL2", [f32(2, 3, 4)], {"axes": [0, -1], "keepdims": 0}, 17),
    ("ReduceSum", [f32(2, 3, 4), i64(1)], {"keepdims": 0}, 17),
    ("ReduceMean", [f32(2, 3, 4), i64(1)], {}, 18),
    ("TopK", [f32(3, 6), i64(2)], {"largest": 0}, 17),
    ("CumSum", [f32(3, 4), np.asarray(1, np.int64)], {"exclusive": 1, "reverse": 1}, 17),
    ("OneHot", [i64(1, -1, 2), np.asarray(4, np.int64), np.float32([-1, 3])], {"axis": 0}, 17),
    ("Mod", [i64(5, -5, 7), i64(3, 3, -4)], {}, 17),
    ("Div", [i64(5, -5, 7), i64(3, 3, -4)], {}, 17),
    ("Pow", [f32(3, 4), np.asarray(2, np.int64)], {}, 17),
    ("Clip", [f32(3, 4), None, np.float32(0.5)], {}, 17),
    ("PRelu", [f32(2, 3, 4), f32(3, 1)], {}, 17),
    ("HardSigmoid", [f32(3, 4)], {}, 17),
    ("Selu", [f32(3, 4)], {}, 17),
    ("Einsum", [f32(3, 4), f32(4, 2)], {"equation": "ij,jk->ki"}, 17),
    ("DepthToSpace", [f32(1, 8, 2, 3)], {"blocksize": 2}, 17),
    ("SpaceToDepth", [f32(1, 2, 4, 6)], {"blocksize": 2}, 17),
    ("Trilu", [f32(3, 4), np.asarray(1, np.int64)], {"upper": 0}, 17),
    ("Cast", [f32(3, 4)], {"to": 7}, 17),
    ("Where", [f32(3, 4) > 0, f32(4), f32(3, 1)], {}, 17),
]  # fmt: skip
_OUTPUTS = {"LSTM": 3, "GRU": 2, "RNN": 2, "Split": 2, "TopK": 2}


@pytest.mark.parametrize("case", NODES, ids=lambda case: case[0])
def test_operators_are_those_of_onnx(case):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    op, inputs, attributes, opset = case
    inputs = [None if x is None else np.asarray(x) for x in inputs]
    names = ["" if x is None else f"in{i}" for i, x in enumerate(inputs)]
    outputs = [f"out{i}" for i in range(_OUTPUTS.get(op, 1))]
    node = onnx.helper.make_node(op, names, outputs, **attributes)
    initial = [
        onnx.numpy_helper.from_array(x, name)
        for name, x in zip(names[1:], inputs[1:], strict=True) if name
    ]  # fmt: skip
    kind = onnx.helper.np_dtype_to_tensor_dtype(inputs[0].dtype)
    given = onnx.helper.make_tensor_value_info("in0", kind, inputs[0].shape)
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "one", [given], results, initial),
        opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8,
    )  # fmt: skip
    data = model.SerializeToString()
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"in0": inputs[0]})
    got = flat(load(data)(wg.tensor(inputs[0])))
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine.detach().numpy().dtype == theirs.dtype and tuple(mine.shape) == theirs.shape
        np.testing.assert_allclose(mine.detach().numpy(), theirs, rtol=1e-4, atol=1e-5)


# ---- what is refused ---------------------------------------------------------------------------


def small(op="Relu", opset=17, sizes=(2, 3), **attributes):
    graph = Graph(opset)
    graph.add_input("x", "float32", sizes)
    graph.node(op, ["x"], ["y"], **attributes)
    graph.add_output("y", "float32", sizes)
    return graph.model("test", "1")


def test_what_cannot_be_read_says_why():
    with pytest.raises(NotImplementedError, match=r"onnx.load: there is nothing here for Loop"):
        load(small("Loop"))
    with pytest.raises(ValueError, match="of version 5, needed 7"):
        load(small(opset=5))
    for data in (b"", b"nothing of the kind", b"\x3a\x00"):
        with pytest.raises(ValueError, match=r"^onnx\.load: "):
            load(data)
    graph = Graph()
    graph.node("Relu", ["missing"], ["y"])
    graph.add_output("y", "float32", ())
    with pytest.raises(ValueError, match=r"Relu 'node_0' reads 'missing', which nothing before"):
        load(graph.model("test", "1"))
    with pytest.raises(FileNotFoundError):
        load("no such file.onnx")


def test_calls_are_checked():
    loaded, x = load(small(sizes=("batch", 3))), wg.ones(2, 3)
    assert loaded(x).tolist() == loaded(x=x).tolist() == x.tolist()
    for args, kwargs in (((), {}), ((x, x), {}), ((x,), {"x": x}), ((), {"z": x})):
        with pytest.raises(TypeError, match="the inputs are x; got"):
            loaded(*args, **kwargs)
    with pytest.raises(TypeError, match=r"'x' is wengert.float64, needed float32"):
        loaded(x.double())
    with pytest.raises(TypeError, match="'x' must be a tensor, not int"):
        loaded(3)
    with pytest.raises(ValueError, match=r"'x' has \(2, 4\), needed \(batch, 3\)"):
        loaded(wg.ones(2, 4))
    for op, attributes, text in (
        (
            "Concat",
            {"axis": "one"},
            "Concat 'node_0': attribute 'axis' is 'one', needed an integer",
        ),
        ("Concat", {"axis": 5}, "Concat 'node_0': cat"),
        ("ArgMax", {"select_last_index": 1}, "ArgMax 'node_0': this is not supported: select_last"),
    ):
        with pytest.raises(RuntimeError, match=text):
            load(small(op, **attributes))(x)


def test_weights_beside_the_model(tmp_path):
    onnx = pytest.importorskip("onnx")
    wg.manual_seed(6)
    model, x = nn.Linear(40, 30), wg.randn(2, 40)
    plain = onnx.load_from_string(export(model, x))
    path = tmp_path / "m.onnx"
    onnx.save(plain, path, save_as_external_data=True, location="m.data", size_threshold=100)
    assert load(path)(x).tolist() == model(x).tolist()
    with pytest.raises(ValueError, match=r"lies in the file 'm\.data': load a path"):
        load(path.read_bytes())
    (tmp_path / "m.data").write_bytes(b"short")
    with pytest.raises(ValueError, match="is not in the file 'm.data', or not wholly"):
        load(path)
    (tmp_path.parent / "x.data").write_bytes(bytes(5000))
    text = path.read_bytes().replace(b"m.data", b"../x.d", 1)
    path.write_bytes(text)
    with pytest.raises(ValueError, match="outside of the model's folder"):
        load(path)


def test_hostile_files_are_an_exception_each():
    """Whole mutated models by hand: `python -m tests.test_onnx_load 100000`."""
    fuzz(1500)


def fuzz(count, seed=0):
    draw = random.Random(seed)
    wg.manual_seed(7)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    whole = export(model, wg.randn(1, 1, 4, 4), dynamic_axes={"input": [0]})
    loads = 0
    for i in range(count):
        data = bytearray(whole)
        if i < len(whole) and i % 3 == 0:
            data = data[:i]
        for _ in range(draw.randrange(1, 5)):
            if data and draw.random() < 0.8:
                data[draw.randrange(len(data))] = draw.choice(
                    (0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256))
                )
            elif data:
                at = draw.randrange(len(data))
                data[at : at + draw.randrange(9)] = draw.randbytes(draw.randrange(9))
        try:
            loaded = load(bytes(data))
        except (ValueError, NotImplementedError):
            continue
        loads += 1
        with contextlib.suppress(RuntimeError, TypeError, ValueError):
            loaded(wg.ones(1, 1, 4, 4))
    return loads


if __name__ == "__main__":
    import sys

    print("loaded", fuzz(int(sys.argv[1])), "of", sys.argv[1])

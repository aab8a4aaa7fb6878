"""What libraries ask of PyTorch beside its operations: dtypes, storages, trees, own operations."""

import collections
import copy
import pickle
import typing

import numpy as np
import pytest

import wengert as wg
from wengert.nn.attention import flex_attention as flex

# ---- dtypes that can only be named -----------------------------------------------------------

NAMED = ["complex64", "complex128", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2",
         "float8_e8m0fnu", "qint8", "quint8", "cfloat"]  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_dtypes_are_there_by_name(name, oracle):
    dtype, theirs = getattr(wg, name), getattr(oracle, name)
    assert isinstance(dtype, wg.dtype) and dtype is getattr(wg, name)
    assert repr(dtype) == repr(theirs).replace("torch", "wengert")
    for fact in ("itemsize", "is_complex", "is_floating_point"):
        assert getattr(dtype, fact) == getattr(theirs, fact)
    assert pickle.loads(pickle.dumps(dtype)) is dtype and {dtype: 1}[dtype] == 1
    for call in (lambda: wg.zeros(2, dtype=dtype), lambda: wg.zeros(2).to(dtype)):
        with pytest.raises(TypeError, match="dtype"):
            call()
    with pytest.raises(TypeError, match="which no tensor can have"):
        wg.zeros(2, dtype=dtype)


@pytest.mark.parametrize("kind", ["e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu"])
def test_limits_of_eight_bits(kind, oracle):
    ours, theirs = (t.finfo(getattr(t, f"float8_{kind}")) for t in (wg, oracle))
    for name in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
        assert getattr(ours, name) == getattr(theirs, name), name


def test_tensor_types_are_classes(oracle):
    for torch in (wg, oracle):
        x = torch.FloatTensor([1, 2])
        assert x.dtype is torch.float32 and torch.LongTensor(2, 3).shape == (2, 3)
        assert isinstance(x, torch.FloatTensor) and not isinstance(x, torch.LongTensor)
        assert typing.get_args(torch.FloatTensor | None) == (torch.FloatTensor, type(None))
        assert x.type(torch.LongTensor).dtype is torch.int64
        assert torch.HalfTensor.dtype is torch.float16


# ---- devices ---------------------------------------------------------------------------------


def test_other_devices_can_be_named(oracle):
    for torch in (wg, oracle):
        assert repr(torch.device("cuda", 1)) == "device(type='cuda', index=1)"
        assert torch.device("cuda:1") == torch.device("cuda", 1) != torch.device("cpu")
        with pytest.raises(RuntimeError, match="device string: gpu"):
            torch.device("gpu")


def test_a_block_of_the_device_meta():
    wg.manual_seed(3)
    expected = wg.rand(2)
    wg.manual_seed(3)
    with wg.device("meta"):
        layer = wg.nn.Linear(2, 3)
        assert layer.weight.device == wg.device("meta") and layer.weight.device.type == "meta"
        assert wg.zeros(2, device=layer.weight.device).to(layer.weight.device).shape == (2,)
        with wg.device("meta"):
            pass
        assert wg.zeros(2).device.type == "meta"
    assert layer.weight.device == wg.device("cpu") and wg.equal(wg.rand(2), expected)
    with pytest.raises(RuntimeError, match="CPU only"):
        wg.zeros(2, device="meta")


def test_classes_of_devices_refuse():
    assert wg.cuda.Stream is wg.cuda.Stream and not isinstance(3, wg.cuda.Stream)
    assert typing.get_args(wg.cuda.Stream | None)[0] is wg.cuda.Stream
    with pytest.raises(RuntimeError, match="CPU only"):
        wg.cuda.Stream()


# ---- storages --------------------------------------------------------------------------------


def test_storages_are_the_memory(oracle):
    for torch in (wg, oracle):
        x = torch.arange(10.0)
        view = x[2:6].view(2, 2).t()
        memory = view.untyped_storage()
        assert memory.nbytes() == memory.size() == len(memory) == 40
        assert memory.data_ptr() == x.data_ptr() == view.storage().data_ptr()
        assert view.storage().tolist() == x.tolist() and view.storage().size() == 10
        assert view.storage().dtype is torch.float32 and torch.is_storage(memory)
        assert memory[4:8].nbytes() == 4 and memory[7] == 63
        assert torch.asarray(memory[4:12], dtype=torch.uint8).view(torch.float32).tolist() == [1, 2]
        memory[0:4] = 0
        memory.fill_(0)
        assert x.sum() == 0
        assert copy.deepcopy(memory).data_ptr() != memory.data_ptr()
        assert torch.zeros(0).untyped_storage().nbytes() == 0
        assert torch.UntypedStorage(5).nbytes() == 5 and torch.UntypedStorage([1, 2]).tolist() == [
            1,
            2,
        ]
    with pytest.raises(RuntimeError, match="large"):
        wg.zeros(2).untyped_storage().resize_(100)


def test_sizes_of_storages_are_exact():
    for n in (0, 1, 2, 3, 7, 64, 1000, 1023):
        for start in {0, n // 2, n}:
            x = wg.zeros(n, dtype=wg.int16)[start:]
            assert x.untyped_storage().nbytes() == 2 * n, (n, start)


def test_storages_of_files(tmp_path):
    path = tmp_path / "bytes"
    path.write_bytes(bytes(range(10)))
    private = wg.UntypedStorage.from_file(path, False, 8)
    private[0] = 77
    assert private.tolist() == [77, *range(1, 8)] and path.read_bytes()[0] == 0
    shared = wg.UntypedStorage.from_file(path, True, 12)
    shared[1] = 78
    assert path.stat().st_size == 12 and path.read_bytes()[1] == 78
    assert wg.UntypedStorage.from_file(path).nbytes() == 0


# ---- trees -----------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")
TREES = [
    1, [], (), {}, None, [1, (2, {"a": 3, "b": [4]})], Point(1, [2, 3]),
    collections.OrderedDict(b=1, a=(2,)), collections.deque([1, [2]], 5),
    collections.defaultdict(list, {"k": [1, 2]}), {"x": None, "y": {}},
]  # fmt: skip


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_trees(tree, oracle):
    from torch.utils import _pytree as theirs

    from wengert.utils import _pytree as ours

    leaves, spec = ours.tree_flatten(tree)
    expected, their_spec = theirs.tree_flatten(tree)
    assert leaves == expected == ours.tree_leaves(tree) == list(ours.tree_iter(tree))
    assert ours.tree_unflatten(leaves, spec) == tree
    for name in ("num_leaves", "num_nodes", "num_children"):
        assert getattr(spec, name) == getattr(their_spec, name)
    assert spec == ours.tree_structure(tree) and hash(spec) == hash(ours.tree_structure(tree))
    double = [t.tree_map(lambda x: (x, x), tree) for t in (ours, theirs)]
    assert double[0] == double[1] and type(double[0]) is type(double[1])
    both = [t.tree_map(lambda x, y: [x, y], tree, tree) for t in (ours, theirs)]
    assert both[0] == both[1]
    paths = [
        [(t.keystr(k), x) for k, x in t.tree_flatten_with_path(tree)[0]] for t in (ours, theirs)
    ]
    assert paths[0] == paths[1]
    only = [t.tree_map_only(int, lambda x: -x, tree) for t in (ours, theirs)]
    assert only[0] == only[1]
    assert ours.tree_all(lambda x: x, tree) == theirs.tree_all(lambda x: x, tree)
    assert ours._broadcast_to_and_flatten(5, spec) == theirs._broadcast_to_and_flatten(
        5, their_spec
    )


def test_own_containers_and_refusals():
    from wengert.utils import _pytree

    class Pair:
        def __init__(self, a, b):
            self.a, self.b = a, b

    _pytree.register_pytree_node(Pair, lambda p: ([p.a, p.b], None), lambda v, _: Pair(*v))
    mapped = _pytree.tree_map(lambda x: x + 1, [Pair(1, (2,))])
    assert (mapped[0].a, mapped[0].b) == (2, (3,))
    with pytest.raises(ValueError, match="already registered"):
        _pytree.register_pytree_node(Pair, None, None)
    with pytest.raises(ValueError, match="length 1"):
        _pytree.tree_unflatten([1], _pytree.tree_structure([1, 2]))
    with pytest.raises(TypeError, match="TreeSpec"):
        _pytree.tree_unflatten([1], [1])
    with pytest.raises(ValueError, match="containers"):
        _pytree.tree_map(max, [1, 2], (1, 2))


# ---- operations of one's own -----------------------------------------------------------------


def test_own_operations_have_gradients(oracle):
    for torch in (wg, oracle):
        import importlib

        library = importlib.import_module(f"{torch.__name__}.library")

        @library.custom_op("ecosystem::times", mutates_args=())
        def times(x: torch.Tensor, factor: float = 2.0) -> torch.Tensor:
            return x * factor

        x = torch.ones(3, requires_grad=True)
        with pytest.raises(RuntimeError, match="no autograd formula"):
            times(x, 3.0).sum().backward()
        times.register_autograd(
            lambda ctx, grad: (grad * ctx.factor, None),
            setup_context=lambda ctx, inputs, output: setattr(ctx, "factor", inputs[1]),
        )
        times.register_fake(lambda x, factor=2.0: x.new_empty(x.shape))
        (times(x) + torch.ops.ecosystem.times(x, factor=3.0)).sum().backward()
        assert x.grad.tolist() == [5.0] * 3
        with pytest.raises(AttributeError, match="nothing"):
            torch.ops.ecosystem.nothing  # noqa: B018
        assert library.infer_schema(
            times._init_fn if torch is oracle else times._fn, mutates_args=()
        ) == ("(Tensor x, float factor=2.0) -> Tensor")


# ---- attention by functions ------------------------------------------------------------------


def test_attention_whose_scores_are_a_function(oracle):
    from torch.nn.attention import flex_attention as theirs

    arrays = [np.random.default_rng(i).normal(size=(2, 4, 5, 3)).astype("f") for i in range(3)]
    bias = np.random.default_rng(4).normal(size=(4, 9)).astype("f")
    results = []
    for torch, module in ((wg, flex), (oracle, theirs)):
        q, k, v = (torch.from_numpy(a.copy()).requires_grad_(torch is wg) for a in arrays)
        b = torch.from_numpy(bias.copy())
        mask = module.create_block_mask(
            lambda b, h, i, j: (i >= j) & (i != 2), 1, 1, 5, 5, device="cpu", BLOCK_SIZE=2
        )
        out, lse = module.flex_attention(
            q, k, v, lambda s, _, h, i, j, b=b: s + b[h, i - j + 4], mask, return_lse=True
        )
        gradients = torch.autograd.grad(out.square().sum(), (q, k, v)) if torch is wg else ()
        results.append((out.detach().numpy(), lse.detach().numpy(), gradients))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5, atol=1e-6)
    seen = [0, 1, 3, 4]
    np.testing.assert_allclose(results[0][1][:, :, seen], results[1][1][:, :, seen], rtol=1e-5)
    assert all(g.isfinite().all() and g.abs().sum() > 0 for g in results[0][2])
    assert not results[0][0][:, :, 2].any()


def test_masks_in_blocks(oracle):
    from torch.nn.attention import flex_attention as theirs

    for module in (flex, theirs):
        mask = module.create_block_mask(
            lambda b, h, i, j: i >= j, None, None, 200, 300, device="cpu"
        )
        assert tuple(mask.shape) == (1, 1, 200, 300)
        assert mask.to_dense().tolist() == [[[[1, 0, 0], [1, 1, 0]]]]
        assert mask.sparsity() == pytest.approx(50.0) or module is theirs
    with pytest.raises(ValueError, match="heads"):
        flex.flex_attention(wg.ones(1, 3, 2, 2), wg.ones(1, 2, 2, 2), wg.ones(1, 2, 2, 2))
    same = flex.flex_attention(*(wg.ones(1, 4, 2, 2), wg.ones(1, 2, 2, 2), wg.ones(1, 2, 2, 2)),
                               enable_gqa=True)  # fmt: skip
    assert wg.allclose(same, wg.ones(1, 4, 2, 2))


# ---- annotations -----------------------------------------------------------------------------


def test_annotations_of_classes_can_be_read():
    for place in (wg.nn, wg.optim, wg.optim.lr_scheduler, wg.utils.data):
        for value in vars(place).values():
            if isinstance(value, type):
                typing.get_type_hints(value)

"""Bad inputs of tensors: shapes, dims, indices, sizes, data, dtypes."""

import numpy as np

from tests.errors.row import bad, leaf

# ---- data


class _Unreadable:
    def __len__(self) -> int:
        return 1

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise KeyError("what was asked")


bad("raising array", KeyError, r"was asked", lambda T: T.tensor(_Unreadable()), torch=False)

# ---- shapes

bad("matmul inner", RuntimeError, r"matmul.*2.*3.*4.*5", lambda T: T.ones(2, 3) @ T.ones(4, 5))
bad("matmul 0-d", RuntimeError, r"matmul", lambda T: T.matmul(T.tensor(1.0), T.ones(3)))
bad("matmul vector", RuntimeError, r"matmul.*3.*4", lambda T: T.ones(3) @ T.ones(4))
bad("matmul batch", RuntimeError, r"2.*3", lambda T: T.ones(2, 2, 2) @ T.ones(3, 2, 2))
bad("mm of 3-d", RuntimeError, r"mm", lambda T: T.mm(T.ones(2, 2, 2), T.ones(2, 2)))
bad("bmm batch", RuntimeError, r"bmm", lambda T: T.bmm(T.ones(2, 2, 2), T.ones(3, 2, 2)))
bad("dot of matrices", RuntimeError, r"dot", lambda T: T.dot(T.ones(2, 2), T.ones(2, 2)))
bad("addmm shape", RuntimeError, r"addmm", lambda T: T.addmm(T.ones(5), T.ones(2, 3), T.ones(3, 4)))
bad(
    "linear shape",
    RuntimeError,
    r"linear.*3.*4",
    lambda T: T.nn.functional.linear(T.ones(2, 3), T.ones(5, 4)),
)
bad("add shapes", RuntimeError, r"add.*3.*4", lambda T: T.ones(3) + T.ones(4))
bad("where shapes", RuntimeError, r"where", lambda T: T.where(T.ones(3) > 0, T.ones(4), T.ones(2)))
bad("in-place broadcast", RuntimeError, r"add", lambda T: T.ones(3).add_(T.ones(2, 3)))
bad("reshape", RuntimeError, r"reshape.*\(2, 3\)|reshape.*6", lambda T: T.ones(2, 3).reshape(4, 2))
bad("reshape two -1", RuntimeError, r"reshape", lambda T: T.ones(2, 3).reshape(-1, -1))
bad("reshape -2", RuntimeError, r"reshape.*-2", lambda T: T.ones(2, 3).reshape(-2, 3))
bad("reshape -1 of 0", RuntimeError, r"reshape", lambda T: T.ones(0).reshape(-1, 0))
bad("view of transposed", RuntimeError, r"view", lambda T: T.ones(2, 3).t().view(6))
bad("cat shapes", RuntimeError, r"cat.*3.*4", lambda T: T.cat([T.ones(2, 3), T.ones(2, 4)]))
bad("cat of 0-d", RuntimeError, r"cat", lambda T: T.cat([T.tensor(1.0), T.tensor(2.0)]))
bad("cat of nothing", ValueError, r"cat", lambda T: T.cat([]))
bad("cat ranks", RuntimeError, r"cat", lambda T: T.cat([T.ones(2, 3), T.ones(3)]))
bad("stack shapes", RuntimeError, r"stack", lambda T: T.stack([T.ones(2), T.ones(3)]))
bad("stack of nothing", RuntimeError, r"stack", lambda T: T.stack([]))
bad("split sizes", RuntimeError, r"split.*5", lambda T: T.ones(5).split([2, 2]))
bad("chunk 0", RuntimeError, r"chunk", lambda T: T.ones(5).chunk(0))
bad("expand smaller", RuntimeError, r"expand", lambda T: T.ones(2, 3).expand(2, 4))
bad("expand fewer dims", RuntimeError, r"expand", lambda T: T.ones(2, 3).expand(3))
bad("permute twice", RuntimeError, r"permute", lambda T: T.ones(2, 3).permute(0, 0))
bad("permute count", RuntimeError, r"permute", lambda T: T.ones(2, 3).permute(0))
bad("t of 3-d", RuntimeError, r"t", lambda T: T.ones(2, 2, 2).t())
bad("mT of 1-d", RuntimeError, r"mT", lambda T: T.ones(2).mT)
bad("unflatten", RuntimeError, r"unflatten", lambda T: T.ones(6).unflatten(0, (4, 2)))
bad("narrow", RuntimeError, r"narrow.*5", lambda T: T.ones(5).narrow(0, 3, 4))
bad("flatten order", RuntimeError, r"flatten", lambda T: T.ones(2, 3).flatten(1, 0))

# ---- dims

bad("sum dim", IndexError, r"sum.*2|range", lambda T: T.ones(2, 3).sum(2))
bad("sum dim twice", RuntimeError, r"sum", lambda T: T.ones(2, 3).sum((0, 0)))
bad("softmax dim", IndexError, r"softmax.*-3", lambda T: T.softmax(T.ones(2, 3), -3))
bad("transpose dim", IndexError, r"transpose", lambda T: T.ones(2, 3).transpose(0, 5))
bad("unsqueeze dim", IndexError, r"unsqueeze", lambda T: T.ones(2, 3).unsqueeze(4))
bad("squeeze dim", IndexError, r"squeeze", lambda T: T.ones(2, 3).squeeze(2))
bad("size dim", IndexError, r"2", lambda T: T.ones(2, 3).size(2))
bad("cat dim", IndexError, r"cat.*2", lambda T: T.cat([T.ones(2, 3)], 2))
bad("argmax dim", IndexError, r"argmax", lambda T: T.ones(2, 3).argmax(3))
bad("cumsum dim", IndexError, r"cumsum", lambda T: T.ones(2).cumsum(1))
bad("flip dim", IndexError, r"flip", lambda T: T.ones(2).flip(1))
bad("max of empty", RuntimeError, r"max", lambda T: T.ones(0).max())
bad("amax of empty dim", IndexError, r"amax", lambda T: T.ones(0, 3).amax(0))
bad("argmax of empty", IndexError, r"argmax", lambda T: T.ones(0).argmax())
bad("topk too many", RuntimeError, r"topk", lambda T: T.ones(3).topk(4))
bad("huge dim", IndexError, r"sum", lambda T: T.ones(3).sum(2**62))

# ---- indices

bad("index", IndexError, r"3", lambda T: T.ones(3)[3])
bad("index negative", IndexError, r"-4", lambda T: T.ones(3)[-4])
bad("index of 0-d", IndexError, r"0-dim", lambda T: T.tensor(1.0)[0])
bad("too many indices", IndexError, r"too many", lambda T: T.ones(3)[0, 0])
bad("index tensor", IndexError, r"7", lambda T: T.ones(3)[T.tensor([0, 7])])
bad("index float tensor", IndexError, r"float|indices", lambda T: T.ones(3)[T.tensor([0.0])])
bad("index string", TypeError, r"str", lambda T: T.ones(3)["a"])
bad("index float", IndexError, r"float", lambda T: T.ones(3)[1.0])
bad("mask shape", IndexError, r"3", lambda T: T.ones(3)[T.tensor([True, False])])
bad("step -1", ValueError, r"step", lambda T: T.ones(3)[::-1])
bad("step 0", ValueError, r"step", lambda T: T.ones(3)[::0])
bad("slice of string", TypeError, r"slice", lambda T: T.ones(3)["a":])
bad(
    "indices do not broadcast",
    IndexError,
    r"2.*3|broadcast",
    lambda T: T.ones(5, 5)[T.tensor([0, 1]), T.tensor([0, 1, 2])],
)
bad("set out of range", IndexError, r"5", lambda T: T.ones(3).__setitem__(5, 1.0))
bad("set shape", RuntimeError, r"2", lambda T: T.ones(3).__setitem__(slice(None), T.ones(2)))
bad("delete", TypeError, r"delet", lambda T: T.ones(3).__delitem__(0), torch=False)
bad(
    "gather index", RuntimeError, r"gather.*9|index 9", lambda T: T.ones(3).gather(0, T.tensor([9]))
)
bad("gather dtype", RuntimeError, r"gather.*int64", lambda T: T.ones(3).gather(0, T.tensor([0.0])))
bad("index_select", IndexError, r"index", lambda T: T.ones(3).index_select(0, T.tensor([3])))
bad(
    "index_select 2-d",
    IndexError,
    r"index_select",
    lambda T: T.ones(3).index_select(0, T.zeros(1, 1, dtype=T.int64)),
)
bad(
    "scatter index",
    RuntimeError,
    r"scatter",
    lambda T: T.ones(3).scatter(0, T.tensor([-1]), T.ones(1)),
)
bad(
    "masked_fill mask",
    RuntimeError,
    r"masked_fill.*bool",
    lambda T: T.ones(3).masked_fill(T.tensor([1, 0, 1]), 2.0),
)
bad(
    "embedding range",
    IndexError,
    r"embedding.*7.*5",
    lambda T: T.nn.functional.embedding(T.tensor([7]), T.ones(5, 2)),
)
bad(
    "embedding floats",
    RuntimeError,
    r"embedding.*float32",
    lambda T: T.nn.functional.embedding(T.tensor([1.0]), T.ones(5, 2)),
)
bad(
    "embedding vector",
    RuntimeError,
    r"embedding.*2-D",
    lambda T: T.nn.functional.embedding(T.tensor([1]), T.ones(5)),
)
bad(
    "embedding_bag range",
    RuntimeError,
    r"embedding_bag.*Index 1.*7.*\[0, 5\)",
    lambda T: T.nn.functional.embedding_bag(T.tensor([[1, 7]]), T.ones(5, 2)),
)
bad(
    "embedding_bag first offset",
    RuntimeError,
    r"embedding_bag.*offsets\[0\] has to be 0",
    lambda T: T.nn.functional.embedding_bag(T.tensor([1, 2]), T.ones(5, 2), T.tensor([1])),
)
bad(
    "embedding_bag offset range",
    RuntimeError,
    r"embedding_bag.*2.*5",
    lambda T: T.nn.functional.embedding_bag(T.tensor([1, 2]), T.ones(5, 2), T.tensor([0, 5])),
)
bad(
    "embedding_bag without offsets",
    ValueError,
    r"embedding_bag.*offsets",
    lambda T: T.nn.functional.embedding_bag(T.tensor([1, 2]), T.ones(5, 2)),
)
bad(
    "embedding_bag rows and offsets",
    ValueError,
    r"embedding_bag.*2D",
    lambda T: T.nn.functional.embedding_bag(T.tensor([[1, 2]]), T.ones(5, 2), T.tensor([0])),
)
bad(
    "embedding_bag mode",
    ValueError,
    r"embedding_bag.*mode",
    lambda T: T.nn.functional.embedding_bag(T.tensor([[1, 2]]), T.ones(5, 2), mode="prod"),
)
bad(
    "embedding_bag weighted mean",
    NotImplementedError,
    r"embedding_bag.*sum",
    lambda T: T.nn.functional.embedding_bag(
        T.tensor([[1, 2]]), T.ones(5, 2), per_sample_weights=T.ones(1, 2)
    ),
)
bad(
    "one_hot negative",
    RuntimeError,
    r"one_hot",
    lambda T: T.nn.functional.one_hot(T.tensor([-1, 0])),
)
bad(
    "one_hot classes",
    RuntimeError,
    r"one_hot.*2",
    lambda T: T.nn.functional.one_hot(T.tensor([2]), 2),
)
bad("len of 0-d", TypeError, r"0-d", lambda T: len(T.tensor(1.0)))
bad("iterate 0-d", TypeError, r"0-d", lambda T: list(T.tensor(1.0)))

# ---- sizes

bad("negative size", RuntimeError, r"zeros.*-1", lambda T: T.zeros(-1))
bad("negative size, list", RuntimeError, r"empty.*-3", lambda T: T.empty((2, -3)))
bad("2**62 elements", RuntimeError, r"zeros|size|memory", lambda T: T.zeros(2**62))
bad(
    "size product overflows",
    RuntimeError,
    r"size|overflow|elements",
    lambda T: T.empty(2**40, 2**40),
)
bad(
    "2**40 doubles by matmul",
    RuntimeError,
    r"outer|memory|alloc",
    lambda T: T.outer(T.zeros(2**22, dtype=T.float64), T.zeros(2**22, dtype=T.float64)),
)
bad("2**46 floats", RuntimeError, r"memory|alloc", lambda T: T.ones(2**46))
bad("size over int64", TypeError, r"zeros|int", lambda T: T.zeros(2**70))
bad(
    "repeat overflow",
    RuntimeError,
    r"size|memory|alloc|overflow|repeat",
    lambda T: T.ones(2**10).repeat(2**31, 2**31),
)
bad("arange endless", RuntimeError, r"arange", lambda T: T.arange(0, float("inf")))
bad("arange step 0", RuntimeError, r"arange", lambda T: T.arange(0, 1, 0))
bad("arange sign", RuntimeError, r"arange", lambda T: T.arange(1, 0))
bad("linspace steps", RuntimeError, r"linspace.*-1", lambda T: T.linspace(0, 1, -1))
bad("eye", RuntimeError, r"eye.*-1", lambda T: T.eye(-1))
bad("17 dims", RuntimeError, r"at most 16", lambda T: T.zeros(*[1] * 17), torch=False)
bad(
    "17 dims by unsqueeze",
    RuntimeError,
    r"at most 16",
    lambda T: T.zeros(*[1] * 16).unsqueeze(0),
    torch=False,
)
bad(
    "17 dims of a list",
    ValueError,
    r"more than 16",
    lambda T: T.tensor(deep(17)),
    torch=False,
)
bad(
    "17 dims of an array",
    RuntimeError,
    r"at most 16",
    lambda T: T.from_numpy(np.zeros((1,) * 17)),
    torch=False,
)

# ---- data


def deep(levels=100_000):
    x: list = []
    for _ in range(levels):
        x = [x]
    return x


def own():
    x: list = []
    x.append(x)
    return x


bad("deep list", ValueError, r"nest|dim|deep", lambda T: T.tensor(deep()), torch=False)
bad("list in itself", ValueError, r"nest|dim|deep", lambda T: T.tensor(own()), torch=False)
bad("deep index", ValueError, r"nest|dim|deep", lambda T: T.ones(3)[deep()], torch=False)
bad(
    "list in itself as index", ValueError, r"nest|dim|deep", lambda T: T.ones(3)[own()], torch=False
)
bad("ragged", ValueError, r"length|expected", lambda T: T.tensor([[1.0, 2.0], [3.0]]))
bad("ragged depth", TypeError, r"sequence", lambda T: T.tensor([[1.0], 2.0]))
bad("string", TypeError, r"str", lambda T: T.tensor("abc"))
bad("list of strings", ValueError, r"str", lambda T: T.tensor(["a", "b"]))
bad("None", RuntimeError, r"None", lambda T: T.tensor(None))
bad("list of None", RuntimeError, r"None", lambda T: T.tensor([None, 1.0]))
bad("dict", RuntimeError, r"dict", lambda T: T.tensor({"a": 1}))
bad("object", RuntimeError, r"object", lambda T: T.tensor([object()]))
bad("dtype", TypeError, r"dtype", lambda T: T.tensor([1.0], dtype="float32"))
bad("device", RuntimeError, r"cuda|CPU", lambda T: T.zeros(2, device="cuda"), torch=False)
bad("int too large", ValueError, r"[Oo]verflow", lambda T: T.tensor([2**70]))
bad("array of strings", TypeError, r"<U1", lambda T: T.from_numpy(np.array(["a"])))
bad(
    "array of objects",
    TypeError,
    r"object",
    lambda T: T.from_numpy(np.array([None, 1], dtype=object)),
)
bad(
    "array of complex",
    TypeError,
    r"complex",
    lambda T: T.from_numpy(np.zeros(3, complex)),
    torch=False,
)
bad(
    "array of uint64",
    TypeError,
    r"uint64",
    lambda T: T.from_numpy(np.zeros(3, np.uint64)),
    torch=False,
)
bad(
    "array in other byte order",
    ValueError,
    r"byte order",
    lambda T: T.from_numpy(np.zeros(3, ">f4")),
)
bad("array with negative strides", ValueError, r"stride", lambda T: T.from_numpy(np.zeros(3)[::-1]))
bad(
    "array with odd strides",
    ValueError,
    r"stride",
    lambda T: T.from_numpy(np.zeros(3, [("a", "i1"), ("b", "f8")])["b"]),
)
bad("from_numpy of a list", TypeError, r"ndarray|list", lambda T: T.from_numpy([1.0]))


def read_only(T):
    array = np.zeros(3)
    array.flags.writeable = False
    return T.from_numpy(array)


bad("write read-only", RuntimeError, r"read-only", lambda T: read_only(T).add_(1), torch=False)
bad("fill read-only", RuntimeError, r"read-only", lambda T: read_only(T).fill_(1), torch=False)
bad(
    "set read-only",
    RuntimeError,
    r"read-only",
    lambda T: read_only(T).__setitem__(0, 1.0),
    torch=False,
)
bad(
    "write read-only through a view",
    RuntimeError,
    r"read-only",
    lambda T: read_only(T)[1:].mul_(2),
    torch=False,
)
bad("write expanded", RuntimeError, r"add|single memory", lambda T: T.ones(1).expand(3).add_(1))
bad(
    "copy to expanded",
    RuntimeError,
    r"copy|single memory",
    lambda T: T.ones(1).expand(3).copy_(T.ones(3)),
)
bad("numpy of requires_grad", RuntimeError, r"detach", lambda T: leaf(T, 3).numpy())
bad("item of many", RuntimeError, r"2|item|one element", lambda T: T.ones(2).item())
bad("bool of many", RuntimeError, r"ambiguous", lambda T: bool(T.ones(2)))
bad("bool of none", RuntimeError, r"ambiguous", lambda T: bool(T.ones(0)))
bad("index by float tensor", TypeError, r"integer", lambda T: [1, 2][T.tensor(1.0)])

# ---- dtypes

bad("bool minus", RuntimeError, r"sub|not supported", lambda T: T.tensor([True]) - T.tensor([True]))
bad("bool minus number", RuntimeError, r"sub|not supported", lambda T: T.tensor([True]) - 1)
bad("negative bool", RuntimeError, r"neg|not supported", lambda T: -T.tensor([True]))
bad("integer division", RuntimeError, r"ZeroDivision", lambda T: T.tensor([1]) // 0)
bad("integer remainder", RuntimeError, r"ZeroDivision", lambda T: T.tensor([1]) % T.tensor([0]))
bad("integer fmod", RuntimeError, r"ZeroDivision", lambda T: T.fmod(T.tensor([1]), T.tensor([0])))
bad("negative integer power", RuntimeError, r"pow|negative", lambda T: T.tensor([2]) ** -1)
bad("mean of ints", RuntimeError, r"mean.*int64|dtype", lambda T: T.tensor([1, 2]).mean())
bad("var of ints", RuntimeError, r"var|std", lambda T: T.tensor([1, 2]).var())
bad("softmax of ints", RuntimeError, r"softmax", lambda T: T.softmax(T.tensor([1, 2]), 0))
bad("bitwise of floats", RuntimeError, r"bitwise_and", lambda T: T.ones(2) & T.ones(2))
bad("invert floats", TypeError, r"bitwise_not|~", lambda T: ~T.ones(2))
bad(
    "matmul dtypes",
    RuntimeError,
    r"matmul|dtype",
    lambda T: T.ones(2, 2) @ T.ones(2, 2, dtype=T.float64),
)
bad("int += float", RuntimeError, r"add.*cast|cast", lambda T: T.tensor([1]).add_(0.5))
bad(
    "float into int out",
    RuntimeError,
    r"cast",
    lambda T: T.exp(T.ones(2), out=T.ones(2, dtype=T.int64)),
)
bad("where condition", RuntimeError, r"where.*bool", lambda T: T.where(T.ones(2), 1.0, 2.0))
bad("requires_grad on ints", RuntimeError, r"float", lambda T: T.tensor([1], requires_grad=True))
bad("requires_grad_ on ints", RuntimeError, r"float", lambda T: T.tensor([1]).requires_grad_())
bad(
    "zeros of ints, requires_grad",
    RuntimeError,
    r"float",
    lambda T: T.zeros(2, dtype=T.int64, requires_grad=True),
)
bad("randn of ints", RuntimeError, r"randn", lambda T: T.randn(2, dtype=T.int64))
bad("normal_ of ints", RuntimeError, r"normal_", lambda T: T.zeros(2, dtype=T.int64).normal_())
bad(
    "fill overflow",
    RuntimeError,
    r"fill.*overflow|300",
    lambda T: T.zeros(2, dtype=T.uint8).fill_(1e10),
)
bad("add a string", TypeError, r"str", lambda T: T.ones(2) + "a")
bad("add None", TypeError, r"None", lambda T: T.ones(2) + None)
bad("exp of a number", TypeError, r"exp.*Tensor.*float", lambda T: T.exp(1.0))
bad("missing argument", TypeError, r"gather.*index|gather.*dim", lambda T: T.ones(2).gather(0))
bad("unknown argument", TypeError, r"exp.*wrong", lambda T: T.exp(T.ones(2), wrong=1))
bad("twice", TypeError, r"sum|dim", lambda T: T.softmax(T.ones(2), 0, dim=0))
bad("dim of a string", TypeError, r"softmax.*dim|softmax", lambda T: T.softmax(T.ones(2), "a"))
bad("too many arguments", TypeError, r"exp", lambda T: T.exp(T.ones(2), 1, 2))
bad("cat of numbers", TypeError, r"cat", lambda T: T.cat([1, 2]))
bad("cat of a tensor", TypeError, r"cat", lambda T: T.cat(T.ones(2)))
bad("rounding mode", RuntimeError, r"div.*'up'", lambda T: T.div(T.ones(2), 2, rounding_mode="up"))

# ---- numbers out of the range of a dtype

for _name, _draw in {
    "full": lambda T: T.full((2,), 300, dtype=T.uint8),
    "full of a fraction below 0": lambda T: T.full((2,), -0.5, dtype=T.uint8),
    "full of NaN": lambda T: T.full((2,), float("nan"), dtype=T.int32),
    "full of 2^64": lambda T: T.full((2,), 2.0**64, dtype=T.int64),
    "full beyond float32": lambda T: T.full((2,), 1e300),
    "full_like": lambda T: T.full_like(T.zeros(2, dtype=T.int32), 2**31),
    "tensor": lambda T: T.tensor([1, 300], dtype=T.uint8),
    "tensor of floats": lambda T: T.tensor([1e10], dtype=T.int32),
    "fill_": lambda T: T.zeros(2, dtype=T.uint8).fill_(-1.5),
    "set item": lambda T: T.zeros(2, dtype=T.uint8).__setitem__(0, 256),
    "masked_fill": lambda T: T.zeros(2, dtype=T.uint8).masked_fill(T.ones(2) > 0, -256),
    "where": lambda T: T.where(T.ones(2) > 0, T.zeros(2, dtype=T.uint8), 300),
}.items():
    bad(f"out of range: {_name}", RuntimeError, r"without overflow", _draw)

# ---- None and numbers where tensors must be


def imatmul(T):
    x = T.ones(2, 2)
    x @= 2


for _name, _join in {
    "stack": lambda T, x: T.stack([x, None]),
    "cat": lambda T, x: T.cat((x, None)),
    "hstack": lambda T, x: T.hstack([x, None]),
    "broadcast_tensors": lambda T, x: T.broadcast_tensors(x, None),
    "meshgrid": lambda T, x: T.meshgrid([x[0], None], indexing="ij"),
    "meshgrid, one by one": lambda T, x: T.meshgrid(x[0], None, indexing="ij"),
    "default_collate": lambda T, x: T.utils.data.default_collate([x, None]),
    "a broken sample": lambda T, x: list(T.utils.data.DataLoader([x, None], batch_size=2)),
}.items():
    bad(
        f"None in a list: {_name}",
        TypeError,
        r"expected Tensor as element 1 in argument .*, but got NoneType",
        lambda T, _join=_join: _join(T, T.ones(2, 2)),
    )
bad(
    "cat of None",
    TypeError,
    r"cat.*'tensors'.*tuple of Tensors, not NoneType",
    lambda T: T.cat(None),
)
bad("@ 2", TypeError, r"@: '.*Tensor' and 'int'", lambda T: T.ones(2, 2) @ 2)
bad("2 @", TypeError, r"@: 'int' and '.*Tensor'", lambda T: 2 @ T.ones(2, 2))
bad("@= 2", TypeError, r"@=: '.*Tensor' and 'int'", imatmul)
bad(
    "matmul of a number",
    TypeError,
    r"matmul.*'input'.*Tensor.*int",
    lambda T: T.matmul(2, T.ones(2)),
)
bad("in place of a number", TypeError, r"add.*Tensor", lambda T: T.add_(1, 2), torch=False)

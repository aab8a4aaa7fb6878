"""Samples of shape and joining rows."""

import numpy as np

from tests.rows.sample import Dtype, S, Sample, index, real

SAMPLES: dict[str, list[Sample]] = {}


def some(names, *samples):
    for name in names.split():
        SAMPLES[name] = [Sample(s.args, s.kwargs, s.differentiable, s.held) for s in samples]


# ---- shape

some("clone contiguous _contiguous ravel t", S(real(3, 4)), S(real()), S(real(0, 3)), S(real(5)))
for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    SAMPLES[f"{name}(Tensor)"] = [S(real()), S(real(3)), S(real(2, 3)), S(real(2, 0, 3))]
    SAMPLES[f"{name}(Tensors)"] = [S(real(), real(3)), S([real(2, 3), real()]), S((real(0),))]
SAMPLES["view(Tensor, ints)"] = [
    S(real(3, 4), 2, 6),
    S(real(3, 4), (-1, 2)),
    S(real(), (1, 1)),
    S(real(0, 3), 3, 0),
]
SAMPLES["view(Tensor, dtype)"] = [
    S(real(3, 4), Dtype("int32")).forward_only(),
    S(real(3, 4), dtype=Dtype("uint8")).forward_only(),
    S(real(3, 4), Dtype("int64")).forward_only(),
    S(real(), Dtype("int64")).forward_only(),
]
some("reshape", S(real(3, 4), (2, 6)), S(real(3, 4), (-1,)), S(real(), (1,)), S(real(0, 3), (3, 0)))
some("view_as reshape_as", S(real(3, 4), real(2, 6)).hold(1), S(real(), real(1)).hold(1))
some("flatten", S(real(2, 3, 4)), S(real(2, 3, 4), 1), S(real(2, 3, 4), 0, 1), S(real()))
some("unflatten", S(real(6, 2), 0, (2, 3)), S(real(3, 4), -1, (2, -1)), S(real(0, 2), 0, (0, 3)))
some("transpose swapaxes swapdims", S(real(3, 4), 0, 1), S(real(2, 3, 4), -1, 0), S(real(), 0, 0))
some("permute", S(real(2, 3, 4), (2, 0, 1)), S(real(2, 3), (-1, -2)), S(real(), ()))
some(
    "movedim moveaxis", S(real(2, 3, 4), 0, 2), S(real(2, 3, 4), (0, 1), (-1, 0)), S(real(2), 0, 0)
)
some(
    "squeeze",
    S(real(1, 3, 1)),
    S(real(1, 3, 1), 0),
    S(real(1, 3, 1), (0, -1)),
    S(real(2, 3), 1),
    S(real()),
)
some("unsqueeze", S(real(3, 4), 0), S(real(3, 4), -1), S(real(), 0), S(real(0), 1))
some("expand", S(real(3, 1), 3, 4), S(real(1, 4), (2, -1, 4)), S(real(), 2, 3), S(real(1), 0))
some("broadcast_to", S(real(3, 1), (3, 4)), S(real(4), (2, 4)), S(real(), (2, 3)), S(real(1), (0,)))
some("expand_as", S(real(3, 1), real(3, 4)).hold(1), S(real(), real(2, 3)).hold(1))
SAMPLES["_to"] = [
    S(real(3, 4), Dtype("float32")).forward_only(),
    S(real(3, 4), Dtype("int64")).forward_only(),
    S(real(0), Dtype("bool")).forward_only(),
    S(real(3, 4), Dtype("float64")),
]

# ---- parts

some("narrow", S(real(5, 4), 0, 1, 3), S(real(5, 4), -1, -2, 2), S(real(5), 0, 5, 0))
some("select", S(real(5, 4), 0, 2), S(real(5, 4), 1, -1), S(real(3), 0, 1))
some("slice", S(real(5, 4), 0, 1, 4), S(real(5, 4), 1, None, None, 2), S(real(7), 0, -3, 100, 2))
some("diagonal", S(real(3, 4)), S(real(3, 4), 1), S(real(2, 3, 4), -1, 2, 0), S(real(3, 3), 5))
some("diag_embed", S(real(3)), S(real(2, 3), 1), S(real(2, 3), -1, 0, 2), S(real(0)))
some("diag", S(real(3)), S(real(3, 4), 1), S(real(3), -1), S(real(0)))
some("unbind", S(real(3, 4)), S(real(3, 4), 1), S(real(0, 2)))
some("tril triu", S(real(4, 5)), S(real(2, 4, 3), 1), S(real(3, 4), -1), S(real(0, 3)))
some("_strided_copy", S(real(3, 4), (2, 2), (4, 2), 1), S(real(7), (3, 2), (2, 1), 1))
some("_strided_zero_", S(real(3, 4), (2, 2), (4, 2), 1), S(real(7), (3, 2), (2, 1), 1))
some("_strided_backward", S(real(2, 2), (3, 4), (4, 2), 1), S(real(3), (2, 3), (2,), 0))

# ---- arrangement

some("flip", S(real(3, 4), (0,)), S(real(2, 3, 4), (0, -1)), S(real(0, 2), (0,)), S(real(), ()))
some("fliplr", S(real(3, 4)), S(real(2, 0)))
some("flipud", S(real(3, 4)), S(real(3)))
some("rot90", S(real(3, 4)), S(real(3, 4), 2), S(real(2, 3, 4), -1, (1, 2)), S(real(2, 3), 4))
some("roll", S(real(3, 4), 1), S(real(3, 4), (1, -2), (0, 1)), S(real(5), 7, 0), S(real(0), 1))
some("_roll", S(real(3, 4), (1,), (1,)), S(real(3, 4), (1, -2), (0, 1)))
some("repeat", S(real(2, 3), 2, 1), S(real(3), (2, 2)), S(real(), 3), S(real(2), 0))
some("tile", S(real(2, 3), (2, 1)), S(real(2, 3), (2,)), S(real(), (3,)))
SAMPLES["repeat_interleave(Tensor, int, int | None, int | None)"] = [
    S(real(2, 3), 2),
    S(real(2, 3), 3, 1),
    S(real(2, 3), 0, dim=0),
    S(real(), 2),
]
SAMPLES["repeat_interleave(Tensor, Tensor, int | None, int | None)"] = [
    S(real(2, 3), np.array([2, 0, 1]), 1),
    S(real(3), np.array([1, 0, 2]), output_size=3),
    S(real(2, 3), np.array([2]), dim=0),
]
SAMPLES["repeat_interleave(Tensor, int | None)"] = [
    S(np.array([2, 0, 3])),
    S(np.array([1, 2]), output_size=3),
]

# ---- joining

LISTS = (
    S([real(2, 3), real(4, 3)]),
    S([real(2, 3), real(2, 1), real(2, 2)], 1),
    S([real(0), real(2, 3)], dim=0),
    S([real(3)], 0),
)
some("cat concat concatenate", *LISTS)
SAMPLES["cat"].append(S([real(2, 3), index(9, 1, 3)]))
some("stack", S([real(2, 3), real(2, 3)]), S([real(2, 3)] * 3, -1), S([real(), real()], 0))
some("hstack", S([real(3), real(2)]), S([real(2, 3), real(2, 1)]), S([real(), real()]))
some("vstack row_stack", S([real(3), real(3)]), S([real(2, 3), real(3)]), S([real(), real()]))
some("dstack", S([real(3), real(3)]), S([real(2, 3), real(2, 3)]), S([real(2, 3, 1)] * 2))
some("column_stack", S([real(3), real(3, 2)]), S([real(), real()]), S([real(2, 1), real(2)]))
SAMPLES["split(Tensor, int, int)"] = [S(real(5, 2), 2), S(real(2, 6), 3, 1), S(real(0, 2), 1)]
SAMPLES["split(Tensor, ints, int)"] = [S(real(5, 2), [2, 3]), S(real(2, 6), (1, 0, 5), dim=1)]
some("split_with_sizes", S(real(5, 2), [2, 3]), S(real(2, 6), (1, 0, 5), 1))
some("chunk", S(real(5, 2), 2), S(real(2, 7), 3, 1), S(real(0, 2), 2))
SAMPLES["tensor_split(Tensor, int, int)"] = [S(real(7, 2), 3), S(real(2, 3), 5, 1)]
SAMPLES["tensor_split(Tensor, ints, int)"] = [S(real(7), (2, 5)), S(real(2, 7), [1, 9], dim=1)]
SAMPLES["meshgrid"] = [S([real(3), real(2)]), S([real(3), real(), real(2)], indexing="ij")]
SAMPLES["meshgrid"].append(S([real(3), real(2)], indexing="xy"))
SAMPLES["meshgrid"].append(S(real(3), real(2), indexing="ij"))
SAMPLES["broadcast_tensors"] = [S(real(3, 1), real(4)), S(real(), real(2, 1), real(0))]

# ---- strides and windows

SAMPLES["as_strided"] = [
    S(real(12), (3, 4), (4, 1)),
    S(real(12), (3, 4), (2, 1), 1),
    S(real(3, 4), (2, 2), (1, 4)),
    S(real(5), (3, 2), (1, 0)),
    S(real(6), (), (), 3),
    S(real(6), (0, 2), (1, 1)),
]
SAMPLES["_as_strided"] = [
    S(real(12), (3, 4), (2, 1), 1),
    S(real(5), (3, 2), (1, 0), 0),
]
SAMPLES["unfold(Tensor, int, int, int)"] = [
    S(real(7), 0, 3, 1),
    S(real(3, 7), 1, 2, 3),
    S(real(5, 2), 0, 5, 1),
    S(real(), 0, 1, 1),
    S(real(4), 0, 0, 2),
]
SAMPLES["select_scatter"] = [S(real(3, 4), real(4), 0, 1), S(real(3, 4), real(3), 1, -1)]
SAMPLES["slice_scatter"] = [
    S(real(3, 4), real(2, 4), start=1),
    S(real(3, 6), real(3, 2), 1, 1, 5, 2),
    S(real(3, 4), real(1, 4), 0, None, 1),
]
SAMPLES["diagonal_scatter"] = [
    S(real(3, 4), real(3)),
    S(real(3, 4), real(2), -1),
    S(real(2, 3, 4), real(3, 2), 0, 0, 2),
]
SAMPLES["as_strided_scatter"] = [
    S(real(3, 4), real(2, 2), (2, 2), (4, 1)),
    S(real(12), real(3), (3,), (2,), 1),
]

# ---- cutting and joining

for name, shape in (("hsplit", (3, 4)), ("vsplit", (4, 3)), ("dsplit", (2, 3, 4))):
    SAMPLES[f"{name}(Tensor, int)"] = [S(real(*shape), 2), S(real(*shape), 1)]
    SAMPLES[f"{name}(Tensor, ints)"] = [S(real(*shape), (1, 3)), S(real(*shape), [2])]
SAMPLES["hsplit(Tensor, int)"].append(S(real(6), 3))
SAMPLES["tensor_split(Tensor, Tensor, int)"] = [
    S(real(7, 2), np.array(3)),
    S(real(2, 7), np.array([1, 5]), 1),
]
SAMPLES["diagflat"] = [S(real(3)), S(real(2, 2), 1), S(real(), -1), S(real(0), 2)]
SAMPLES["cartesian_prod"] = [
    S(real(3), real(2)),
    S(real(3)),
    S(real(2), real(3), real(2)),
    S(real(2), real(0)),
]
SAMPLES["combinations"] = [
    S(real(4)),
    S(real(5), 3),
    S(real(3), 2, True),
    S(real(2), 3),
    S(real(3), 0),
    S(real(0)),
]
SAMPLES["unravel_index"] = [
    S(np.array([0, 5, 11]), (3, 4)).integers(),
    S(np.array([[1, 7], [23, 0]]), (2, 3, 4)).integers(),
    S(np.array(3), (2, 2)).integers(),
]
for sample in SAMPLES["unravel_index"]:
    sample.only = ("int64", "int32", "uint8")

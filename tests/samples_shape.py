"""Samples of shape, joining, indexing and scattering rows."""

import numpy as np

from samples import Dtype, S, Sample, index, mask, real

SAMPLES: dict[str, list[Sample]] = {}


def some(names, *samples):
    for name in names.split():
        SAMPLES[name] = [Sample(s.args, s.kwargs, s.differentiable, s.held) for s in samples]


# ---- shape

some("clone contiguous ravel t", S(real(3, 4)), S(real()), S(real(0, 3)), S(real(5)))
some("atleast_1d atleast_2d atleast_3d", S(real()), S(real(3)), S(real(2, 3)), S(real(2, 0, 3)))
some("view", S(real(3, 4), 2, 6), S(real(3, 4), (-1, 2)), S(real(), (1, 1)), S(real(0, 3), 3, 0))
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

# ---- indexing

some(
    "gather",
    S(real(3, 4), 1, index(4, 3, 2)),
    S(real(3, 4), 0, index(3, 2, 4)),
    S(real(2, 3, 4), -2, index(3, 1, 5, 2)),
    S(real(), 0, index(1)),
    S(real(3), 0, index(3, 0)),
)
some("take_along_dim", S(real(3, 4), index(4, 3, 2), 1), S(real(3, 4), index(12, 5)))
SAMPLES["take_along_dim"].append(S(real(3, 4), index(3, 1, 4), dim=0))
some(
    "index_select",
    S(real(3, 4), 0, index(3, 5)),
    S(real(3, 4), 1, index(4, 2)),
    S(real(3, 4), 1, index(4)),
    S(real(3, 4), -1, index(4, 0)),
)
some("take", S(real(3, 4), index(12, 5, low=-12)), S(real(3), index(3)), S(real(3), index(3, 0)))
SAMPLES["_nonzero"] = [S(mask(3, 4)), S(mask(5)), S(mask(2, 0)), S(np.array(True))]
some("nonzero argwhere", S(index(2, 3, 4) * 1.0), S(real()), S(real(0, 2)), S(index(2, 9) * 1.0))
SAMPLES["where(Tensor)"] = [S(mask(3, 4)), S(index(2, 5) * 1.0), S(np.array(True))]
SAMPLES["_masked_select"] = [S(real(3, 4), mask(3, 4)), S(real(0), mask(0))]
some(
    "masked_select",
    S(real(3, 4), mask(3, 4)),
    S(real(3, 4), mask(4)),
    S(real(4), mask(2, 1)),
    S(real(), np.array(True)),
)
SAMPLES["_one_hot"] = [S(index(4, 2, 3), 4), S(index(3), 3)]
SAMPLES["one_hot"] = [S(index(4, 2, 3)), S(index(4, 5), 6), S(index(3)), S(index(3, 0), 3)]
some(
    "index",
    S(real(3, 4), [index(3, 5, low=-3)]),
    S(real(3, 4), [index(3, 5), index(4, 5)]),
    S(real(3, 4), [None, index(4, 2, 2)]),
    S(real(3, 4, 2), [index(3, 2, 1), None, index(2, 3)]),
    S(real(3, 4), [mask(3)]),
)
SAMPLES["index"].pop()  # masks are turned into positions before this row
some("_index_backward", S(real(5), (3,), [index(3, 5)]), S(real(5, 4), (3, 4), [index(3, 5)]))
SAMPLES["_index_backward"].append(S(real(3, 2), (3, 4), [None, np.array([1, 1])]))
# size, steps, dims (four bits for each output dimension), offset
SAMPLES["__getitem__"] = [
    S(real(3, 4), (2, 2), (1, 2), 0x10, 5),
    S(real(3, 4), (4,), (1,), 0x1, 8),
    S(real(3, 4), (2, 1, 4), (2, 1, 1), 0x1F0, 0),
]
for name in ("_set_item", "__setitem__"):
    SAMPLES[name] = [
        S(real(3, 4), real(2, 2), (2, 2), (1, 2), 0x10, 5, False, []),
        S(real(3, 4), real(2), (2, 2), (1, 2), 0x10, 5, False, []),
        S(real(3, 4), 1.5, None, None, 0, 0, False, [np.array([0, 2])]),
        S(real(3, 4), real(1, 2, 4), None, None, 0, 0, False, [np.array([0, 2])]),
        S(real(3, 4), real(2, 4), None, None, 0, 0, True, [np.array([1, 1])]),
    ]

# ---- scattering

PLACES = np.array([[0, 1, 2, 0], [2, 0, 1, 1]])
SAMPLES["scatter(Tensor, int, Tensor, Tensor)"] = [
    S(real(3, 4), 0, PLACES, real(2, 4)),
    S(real(3, 4), 1, np.array([[3, 0], [1, 2], [0, 3]]), real(3, 3)),
    S(real(3), 0, index(3, 0), real(2)),
]
SAMPLES["scatter(Tensor, int, Tensor, Operand)"] = [
    S(real(3, 4), 0, PLACES, 2.5),
    S(real(3, 4), 1, index(4, 3, 2), 3),
]
some(
    "scatter_add",
    S(real(3, 4), 0, index(3, 2, 4), real(2, 4)),
    S(real(3, 4), 1, index(4, 3, 6), real(3, 6)),
    S(real(3), 0, index(3, 0), real(2)),
)
some(
    "index_add",
    S(real(3, 4), 0, index(3, 5), real(5, 4)),
    S(real(3, 4), 1, index(4, 2), real(3, 2), alpha=2),
)
some(
    "index_copy",
    S(real(3, 4), 0, np.array([2, 0]), real(2, 4)),
    S(real(3, 4), 1, np.array([1, 3]), real(3, 2)),
)
some(
    "index_fill",
    S(real(3, 4), 0, index(3, 2), 2.5),
    S(real(3, 4), 1, np.array([-1, 0]), real()),
    S(real(3, 4), 1, index(4, 0), 1),
)
some(
    "masked_fill",
    S(real(3, 4), mask(3, 4), 2.5),
    S(real(3, 4), mask(4), 1),
    S(real(3, 4), mask(3, 1), real()),
    S(real(0), mask(0), 1),
)
some("_masked_scatter", S(real(3, 4), mask(3, 4), real(12)), S(real(2), mask(2), real(2, 2)))
some(
    "masked_scatter",
    S(real(3, 4), mask(3, 4), real(12)),
    S(real(3, 4), mask(4), real(3, 4)),
    S(real(0), mask(0), real(2)),
)

"""A batch norm that became part of the layer before it."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn

LAYERS = {
    "Conv1d": (lambda: nn.Conv1d(3, 4, 3), nn.BatchNorm1d, (2, 3, 7), False),
    "Conv2d": (
        lambda: nn.Conv2d(4, 4, 3, groups=2, bias=False),
        nn.BatchNorm2d,
        (2, 4, 5, 6),
        False,
    ),
    "Conv3d": (lambda: nn.Conv3d(2, 4, 2), nn.BatchNorm3d, (2, 2, 3, 4, 3), False),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 4, 3), nn.BatchNorm2d, (2, 3, 4, 4), True),
    "Linear": (lambda: nn.Linear(3, 4), nn.BatchNorm1d, (5, 3), None),
}


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_the_fused_layer_computes_both(name, affine):
    make, norm, shape, transpose = LAYERS[name]
    if transpose is None and not affine:
        return  # PyTorch's takes only those with weights
    wg.manual_seed(1)
    layer, bn = make().double(), norm(4, affine=affine).double()
    for _ in range(3):
        bn(layer(wg.randn(*shape, dtype=wg.float64) * 2 + 1))
    if affine:
        nn.init.uniform_(bn.weight)
        nn.init.uniform_(bn.bias)
    with pytest.raises(AssertionError, match="only for eval"):
        nn.utils.fuse_conv_bn_eval(layer, bn)
    layer.eval(), bn.eval()
    x = wg.randn(*shape, dtype=wg.float64)
    before = layer.weight.detach().clone()
    if transpose is None:
        fused = nn.utils.fuse_linear_bn_eval(layer, bn)
    else:
        fused = nn.utils.fuse_conv_bn_eval(layer, bn, transpose)
    assert type(fused) is type(layer) and isinstance(fused.weight, nn.Parameter)
    with wg.no_grad():
        np.testing.assert_allclose(fused(x).numpy(), bn(layer(x)).numpy(), rtol=1e-9, atol=1e-11)
    assert wg.equal(layer.weight, before)

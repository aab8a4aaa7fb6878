"""All else of PyTorch's own database of operations that there is here, and what there is not."""

PLAIN = """
    abs acos acosh add addbmm addcdiv addcmul addmm addmv addr all allclose amax amin aminmax
    angle any arange argmax argmin argsort argwhere asin asinh atan atan2 atanh atleast_1d
    atleast_2d atleast_3d baddbmm bernoulli bincount bitwise_and bitwise_left_shift bitwise_not
    bitwise_or bitwise_right_shift bitwise_xor bmm broadcast_shapes broadcast_tensors
    broadcast_to bucketize byte char cartesian_prod cat cdist ceil chunk clamp clamp_max clamp_min
    column_stack combinations conj conj_physical copysign corrcoef cos cosh count_nonzero cummax
    cummin cumprod cumsum cumulative_trapezoid deg2rad diag diag_embed diagflat diagonal
    diagonal_scatter diff digamma dist div dot dsplit dstack einsum empty eq equal erf erfc
    erfinv exp exp2 expand expand_as expm1 eye fill flatten flip fliplr flipud float_power floor
    floor_divide fmax fmin fmod frac frexp full gather gcd ge gradient gt heaviside histc
    histogram hsplit hstack hypot i0 igamma igammac index_add index_copy index_fill index_put
    index_reduce index_select inner isclose isfinite isin isinf isnan isneginf isposinf isreal
    item kthvalue lcm ldexp le lerp lgamma linalg.matrix_norm linalg.vector_norm linspace log
    log10 log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp logical_and logical_not
    logical_or logical_xor logit logspace logsumexp lt masked_fill masked_scatter masked_select
    matmul max maximum mean median meshgrid min minimum mm mode movedim msort mul multinomial mv
    nan_to_num nanmean nanmedian nanquantile nansum narrow narrow_copy ne neg new_empty new_full
    new_ones new_zeros nonzero ones outer permute polygamma positive pow prod put quantile
    rad2deg randint randn ravel real reciprocal remainder renorm repeat repeat_interleave
    reshape reshape_as resize_ resize_as_ resolve_conj resolve_neg roll rot90 round rsqrt rsub
    scalar_tensor scatter_add scatter_reduce searchsorted select select_scatter sgn sigmoid sign
    signbit sin sinc sinh slice_scatter softmax sort split split_with_sizes sqrt square squeeze
    stack std std_mean sub sum sum_to_size t take take_along_dim tan tanh tensor_split tensordot
    tile topk trace transpose trapezoid trapz tril tril_indices triu triu_indices true_divide
    trunc unbind unflatten unfold unique unique_consecutive unravel_index unsqueeze var var_mean
    vdot view view_as vsplit vstack xlogy zero_ zeros T H mT mH cauchy exponential geometric
    log_normal uniform normal where half bfloat16 mvlgamma norm histogramdd svd svd_lowrank
    pca_lowrank cholesky_solve cholesky_inverse linalg.norm linalg.eigh linalg.eigvalsh linalg.svd
    linalg.lstsq lu native_layer_norm native_group_norm native_batch_norm nextafter
"""
FUNCTIONAL = """
    bilinear binary_cross_entropy_with_logits celu cross_entropy elu gelu glu hardshrink
    hardtanh huber_loss kl_div l1_loss leaky_relu linear logsigmoid mish mse_loss nll_loss
    one_hot pairwise_distance pdist prelu relu relu6 rrelu selu silu smooth_l1_loss softmin
    softplus softshrink softsign tanhshrink threshold binary_cross_entropy hardsigmoid hardswish
    linear_cross_entropy triplet_margin_with_distance_loss
"""
SPECIAL = """
    chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w
    entr erfcx hermite_polynomial_h hermite_polynomial_he i0e i1 i1e laguerre_polynomial_l
    legendre_polynomial_p log_ndtr modified_bessel_i0 modified_bessel_i1 modified_bessel_k0
    modified_bessel_k1 ndtri polygamma scaled_modified_bessel_k0 scaled_modified_bessel_k1
    shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v
    shifted_chebyshev_polynomial_w spherical_bessel_j0 xlog1py zeta bessel_j0 bessel_j1 bessel_y0
    bessel_y1 ndtr airy_ai
"""
MASKED = """
    amax amin argmax argmin cumprod cumsum log_softmax logaddexp logsumexp mean median norm
    normalize prod softmax softmin std sum var
"""
WINDOWS = """
    bartlett blackman cosine exponential gaussian general_cosine general_hamming hamming hann
    kaiser nuttall
"""
COPIES = """
    alias_copy as_strided_copy diagonal_copy expand_copy permute_copy split_with_sizes_copy
    squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy view_copy
    unsafe_chunk unsafe_split empty_strided empty_permuted new_empty_strided nonzero_static
    scatter __radd__ __rmul__ __rsub__ __rdiv__ __rpow__ __rmod__ __rmatmul__ __rand__ __ror__
    __rxor__ __getitem__ bool double float int long short
"""
VOCABULARY = [
    *PLAIN.split(),
    *COPIES.split(),
    *(f"nn.functional.{name}" for name in FUNCTIONAL.split()),
    *(f"special.{name}" for name in SPECIAL.split()),
    *(f"masked.{name}" for name in MASKED.split()),
    *("fft.fftshift", "fft.ifftshift"),
    *(f"signal.windows.{name}" for name in WINDOWS.split()),
]
DTYPES = ("float64", "float32", "int64", "bool")

WHICH = "which of equal elements is told is open"
FACTORS = "integers are multiplied by no fraction, as in addmm"
CAST = "PyTorch has bools there, which count as numbers here"
#: Not compared in these dtypes.
SKIPPED = {
    **{
        (name, dtype): WHICH
        for name in ("sort", "argsort", "topk", "kthvalue", "mode")
        for dtype in ("int64", "bool")
    },
    **{(name, "int64"): FACTORS for name in ("addbmm", "addmv", "baddbmm")},
    **{(name, "bool"): CAST for name in ("clamp_max", "clamp_min", "square")},
    ("sum_to_size", "bool"): "the sum of bools is int64 there even of none",
    ("special.ndtr", "int64"): "PyTorch's is 0 from -8 on",
}

#: How far float64 may be from PyTorch's, and why.
ROUGHER = {
    **dict.fromkeys(
        ("nn.functional.hardsigmoid", "nn.functional.hardswish"), (1e-7, "1/6 is of float32 there")
    ),
    **{
        f"special.bessel_{name}": (1e-7, "PyTorch's is right to 1e-7: test_special.py")
        for name in ("j0", "j1", "y0", "y1")
    },
    "special.airy_ai": (1e-5, "PyTorch's is right to 1e-5: test_special.py"),
    **dict.fromkeys(
        ("mvlgamma", "nn.functional.binary_cross_entropy"), (1e-9, "second gradients cancel")
    ),
}

#: What has tests of its own, or differs on purpose.
ELSEWHERE = {
    **dict.fromkeys(("linalg.eig", "linalg.eigvals"), "complex: refused"),
    "as_strided": "reads memory beyond a part, which is not copied here",
    "as_strided_scatter": "PyTorch's gradient of the input is that of what was written over it",
    "cov": "float32 weights of float64 numbers are rounded there",
    **dict.fromkeys(("grid_sampler_2d", "grid_sampler_3d"), "as grid_sample, and takes long"),
}

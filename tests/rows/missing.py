"""What PyTorch has for dense real tensors on the CPU and this package has not, by the reason.

The page leaves out what is there by now; `test_coverage.py` looks for what is not listed. A place
names the module of PyTorch.
"""

from __future__ import annotations

MISSING: dict[str, dict[str, str]] = {
    "Older forms of functions of linalg, deprecated or gone in PyTorch, or not written yet": {
        "torch": """block_diag chain_matmul cholesky cholesky_inverse cholesky_solve cross det
            frobenius_norm geqrf ger inverse kron lobpcg logdet lstsq lu lu_solve lu_unpack
            matrix_exp matrix_power matrix_rank nuclear_norm orgqr ormqr pca_lowrank pinverse qr
            slogdet solve svd svd_lowrank symeig triangular_solve vander""",
        "torch.Tensor": """cholesky cholesky_inverse cholesky_solve cross det geqrf ger inverse
            kron logdet lstsq lu lu_solve matrix_exp matrix_power orgqr ormqr pinverse qr slogdet
            solve svd symeig triangular_solve""",
    },
    "Not written yet": {
        "torch": """conv_tbc empty_permuted empty_strided from_file hash_tensor nonzero_static
            norm_except_dim segment_reduce""",
        "torch.Tensor": "hash_tensor new_empty_strided nonzero_static",
        "torch.nn.functional": "conv_tbc linear_cross_entropy",
        "torch.nn.utils": """convert_conv2d_weight_memory_format
            convert_conv3d_weight_memory_format skip_init""",
        "torch.special": "airy_ai",
    },
    "Other spellings of what is there, which only PyTorch's own code uses": {
        "torch": """alias_copy as_strided_ as_strided_copy binary_cross_entropy_with_logits
            conj_physical_ convolution cosine_embedding_loss ctc_loss detach detach_ detach_copy
            diagonal_copy embedding_bag expand_copy fill_ get_device hinge_embedding_loss
            is_inference is_same_size is_signed kl_div margin_ranking_loss narrow_copy
            native_batch_norm native_dropout native_group_norm native_layer_norm native_norm
            permute_copy poisson_nll_loss resize_as_ select_copy slice_copy slice_inverse
            split_copy split_with_sizes_copy squeeze_copy t_copy threshold_ transpose_copy
            triplet_margin_loss unbind_copy unfold_copy unsafe_chunk unsafe_split
            unsafe_split_with_sizes unsqueeze_copy view_copy zero_""",
        "torch.Tensor": """const_data_ptr index index_put map2_ module_load new output_nr
            polygamma_ resize resize_as slice_inverse unsafe_chunk unsafe_split
            unsafe_split_with_sizes""",
    },
    "Dtypes that no tensor here has: complex numbers": {
        "torch": """complex imag istft polar stft view_as_complex view_as_complex_copy view_as_real
            view_as_real_copy eig""",
        "torch.Tensor": """cdouble cfloat chalf eig imag istft stft""",
    },
    "Memory as an object": {"torch.Tensor": "storage storage_type untyped_storage"},
}

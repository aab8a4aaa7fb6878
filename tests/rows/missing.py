"""What PyTorch has for dense real tensors on the CPU and this package has not, by the reason.

The page leaves out what is there by now; `test_coverage.py` looks for what is not listed. A place
names the module of PyTorch.
"""

from __future__ import annotations

MISSING: dict[str, dict[str, str]] = {
    "Of integers of 64 bits without a sign, which no tensor here has": {
        "torch": "hash_tensor",
        "torch.Tensor": "hash_tensor",
    },
    "Other spellings of what is there, which only PyTorch's own code uses": {
        "torch": "as_strided_ slice_inverse",
        "torch.Tensor": "index slice_inverse",
    },
    "Of sparse tensors alone in PyTorch too": {"torch": "native_norm"},
    "Dtypes that no tensor here has: complex numbers": {
        "torch": """complex imag istft polar stft view_as_complex view_as_complex_copy view_as_real
            view_as_real_copy""",
        "torch.Tensor": "cdouble cfloat chalf imag istft stft",
        "torch.fft": """fft fft2 fftn hfft hfft2 hfftn ifft ifft2 ifftn ihfft ihfft2 ihfftn irfft
            irfft2 irfftn rfft rfft2 rfftn""",
    },
    "Another class of tensors, a prototype in PyTorch": {
        "torch.masked": "MaskedTensor as_masked_tensor is_masked_tensor masked_tensor",
    },
    "Tools of PyTorch's own tests, engine and old programs": {
        "torch.autograd": """NestedIOFunction enforce_grad_layout_policy
            set_multithreading_enabled variable""",
        "torch.optim": "swap_in_optimizer_params_and_state",
        "torch.testing": "FileCheck",
        "torch.utils.data": """DFIterDataPipe DataChunk IterDataPipe MapDataPipe argument_validation
            functional_datapipe guaranteed_datapipes_determinism non_deterministic
            runtime_validation runtime_validation_disabled""",
    },
    "Memory as an object": {"torch.Tensor": "storage_type"},
}

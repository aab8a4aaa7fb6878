"""Spectral normalisation (Miyato et al., arXiv:1802.05957) by a hook before each forward."""

from __future__ import annotations

from typing import TypeVar

from ... import _native
from ..._native import Tensor
from ..._typing import StateDict
from ...autograd.grad_mode import no_grad
from .. import functional as F
from ..modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..modules.module import Module
from ..parameter import Parameter, is_lazy
from ._weight_hook import WeightHook, hooks_of, remove_hook

__all__ = [
    "SpectralNorm",
    "SpectralNormLoadStateDictPreHook",
    "SpectralNormStateDictHook",
    "remove_spectral_norm",
    "spectral_norm",
]

_Module = TypeVar("_Module", bound=Module)


def default_dim(module: Module) -> int:
    """The dimension of the weight that counts outputs."""
    return int(isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)))


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight with a row for each index of `dim`."""
    if dim != 0:
        weight = weight.permute(dim, *(d for d in range(weight.ndim) if d != dim))
    return weight.reshape(weight.shape[0], -1)


def require_positive(n_power_iterations: int) -> None:
    """ValueError unless it is."""
    if n_power_iterations <= 0:
        raise ValueError(
            "Expected n_power_iterations to be positive, but got "
            f"n_power_iterations={n_power_iterations}"
        )


def drawn(weight: Tensor, n: int, eps: float) -> Tensor:
    """A vector of n numbers, in a direction drawn at random, of length 1."""
    return F.normalize(weight.new_empty(n).normal_(0, 1), dim=0, eps=eps)


class SpectralNorm(WeightHook):
    """The hook: the weight over its largest singular value, as u^T W v estimates it.

    u and v are buffers, which each forward in training brings nearer to the singular vectors.
    """

    _version: int = 1
    name: str
    dim: int
    n_power_iterations: int
    eps: float

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        require_positive(n_power_iterations)
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def reshape_weight_to_matrix(self, weight: Tensor) -> Tensor:
        """The weight with a row for each output."""
        return as_matrix(weight, self.dim)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """W / (u^T W v), after iterations v = W^T u / |W^T u|, u = W v / |W v| if asked for."""
        weight = getattr(module, self.name + "_orig")
        u = getattr(module, self.name + "_u")
        v = getattr(module, self.name + "_v")
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(_native.mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(_native.mv(matrix, v), dim=0, eps=self.eps))
                # The next forward changes them, which the backward of this one may still need.
                u, v = u.clone(), v.clone()
        return weight / _native.dot(u, _native.mv(matrix, v))

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for suffix in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + suffix)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def weight_of(self, module: Module) -> Tensor:
        """With power iterations in training."""
        return self.compute_weight(module, module.training)

    @staticmethod
    def apply(
        module: Module, name: str, n_power_iterations: int, dim: int, eps: float
    ) -> SpectralNorm:
        """Registers a hook; see `spectral_norm`."""
        for hook in hooks_of(module, "_forward_pre_hooks").values():
            if isinstance(hook, SpectralNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two spectral_norm hooks on the same parameter {name}"
                )
        fn = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = vars(module)["_parameters"][name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `SpectralNorm` can't have uninitialized parameters. Make "
                "sure to run the dummy forward before applying spectral normalization"
            )
        with no_grad():
            rows, columns = fn.reshape_weight_to_matrix(weight).shape
            u, v = drawn(weight, rows, eps), drawn(weight, columns, eps)
        delattr(module, name)
        module.register_parameter(name + "_orig", weight)
        # Initialisers and others expect the attribute, but as a parameter it would be trained.
        setattr(module, name, weight.data)
        module.register_buffer(name + "_u", u)
        module.register_buffer(name + "_v", v)
        module.register_forward_pre_hook(fn)
        module.register_state_dict_post_hook(SpectralNormStateDictHook(fn))
        module.register_load_state_dict_pre_hook(SpectralNormLoadStateDictPreHook(fn))
        return fn


class SpectralNormLoadStateDictPreHook:
    """Names what a state without v, of before version 1, lacks."""

    def __init__(self, fn: SpectralNorm) -> None:
        self.fn = fn

    def __call__(
        self,
        module: Module,
        state_dict: StateDict,
        prefix: str,
        local_metadata: StateDict,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        versions = local_metadata.get("spectral_norm", {})
        version = versions.get(self.fn.name + ".version")
        key = prefix + self.fn.name
        whole = all(key + suffix in state_dict for suffix in ("_orig", "_u", "_v"))
        if (version is not None and version >= 1) or (
            version is None and whole and key not in state_dict
        ):
            return
        lacking = [key + suffix for suffix in ("_orig", "", "_u") if key + suffix not in state_dict]
        if lacking:
            if strict:
                missing_keys.extend(lacking)
            return
        with no_grad():
            original, weight = state_dict[key + "_orig"], state_dict.pop(key)
            sigma = (original / weight).mean()
            u = state_dict[key + "_u"]
            state_dict[key + "_v"] = _solved(self.fn.reshape_weight_to_matrix(original), u, sigma)


def _solved(matrix: Tensor, u: Tensor, sigma: Tensor) -> Tensor:
    """v with W v along u and u^T W v = sigma, of the smallest length.

    By the conjugate gradients of W^T W v = W^T u from 0, which stay in the range of W^T: as many
    steps as there are singular values are enough, some more make up for rounding.
    """
    w, u, target = matrix.double(), u.double(), sigma.double()
    v = _native.zeros_like(w[0])
    p = r = _native.mv(w.t(), u)
    rr = _native.dot(r, r)
    end = rr.item() * 1e-24
    for _ in range(2 * min(w.shape) + 8):
        if rr.item() <= end:
            break
        q = _native.mv(w, p)
        a = rr / _native.dot(q, q)
        v, r = v + a * p, r - a * _native.mv(w.t(), q)
        next_rr = _native.dot(r, r)
        p, rr = r + (next_rr / rr) * p, next_rr
    return (v * (target / _native.dot(u, _native.mv(w, v)))).to(matrix.dtype)


class SpectralNormStateDictHook:
    """Notes the version in the metadata of a state."""

    def __init__(self, fn: SpectralNorm) -> None:
        self.fn = fn

    def __call__(
        self,
        module: Module,
        state_dict: StateDict,
        prefix: str,
        local_metadata: StateDict,
    ) -> None:
        versions = local_metadata.setdefault("spectral_norm", {})
        key = self.fn.name + ".version"
        if key in versions:
            raise RuntimeError(f"Unexpected key in metadata['spectral_norm']: {key}")
        versions[key] = self.fn._version


def spectral_norm(
    module: _Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> _Module:
    """Makes the weight itself over its largest singular value, by a hook; returns the module.

    What is trained is `weight_orig`. The value is estimated by the vectors `weight_u` and
    `weight_v`, drawn at random and improved by `n_power_iterations` in each forward in training.
    The rows of the matrix are those of dimension `dim`, 0 unless given, and 1 for transposed
    convolutions. `eps` is the least length that vectors are divided by. RuntimeError if the
    parameter has such a hook, ValueError if it is None. `parametrizations.spectral_norm` is the
    newer form.
    """
    SpectralNorm.apply(
        module, name, n_power_iterations, default_dim(module) if dim is None else dim, eps
    )
    return module


def remove_spectral_norm(module: _Module, name: str = "weight") -> _Module:
    """Makes the weight an ordinary parameter with its value; ValueError if it is none of these."""
    if not remove_hook(module, SpectralNorm, name):
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    for name_of_table, kind in (
        ("_state_dict_hooks", SpectralNormStateDictHook),
        ("_load_state_dict_pre_hooks", SpectralNormLoadStateDictPreHook),
    ):
        table = hooks_of(module, name_of_table)
        for key, hook in table.items():
            found = getattr(hook, "hook", hook)  # one that is given its module is wrapped
            if isinstance(found, kind) and found.fn.name == name:
                del table[key]
                break
    return module

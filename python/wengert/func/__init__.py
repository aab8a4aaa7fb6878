"""Transforms of functions: gradients, Jacobians, modules as functions of their parameters.

grads = func.grad(loss)(dict(model.named_parameters()), x, y)
# where loss(params, x, y) is a scalar that calls func.functional_call(model, params, x)
"""

from ._functionalize import functionalize
from ._jacobians import hessian, jacfwd, jacrev
from ._rearranging import debug_unwrap, rearrange
from ._transforms import grad, grad_and_value, jvp, linearize, vjp
from ._vmap import vmap
from .functional_call import (
    functional_call,
    replace_all_batch_norm_modules_,
    stack_module_state,
)

__all__ = [
    "debug_unwrap",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "rearrange",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]

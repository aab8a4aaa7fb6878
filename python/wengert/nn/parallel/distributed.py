"""`DistributedDataParallel`, which needs a group of processes, and there is none."""

from __future__ import annotations

from ...nn.modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Refuses with ValueError, as PyTorch's does where no process group was initialized."""

    def __init__(self, module: Module, *args: object, **kwargs: object) -> None:
        raise ValueError(
            "DistributedDataParallel: Default process group has not been initialized, and training "
            "is in one process here; guard it by torch.distributed.is_initialized()"
        )

"""`DistributedDataParallel`; and `DataParallel`, which on one device is the module it is given."""

from .data_parallel import DataParallel, data_parallel
from .distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]

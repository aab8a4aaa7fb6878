"""What scripts ask of the device 'mps': there is none."""

from __future__ import annotations

from ._absent import BASIC as _BASIC
from ._absent import device_count as device_count
from ._absent import empty_cache as empty_cache
from ._absent import getter as _getter
from ._absent import is_available as is_available
from ._absent import manual_seed as manual_seed

manual_seed_all = manual_seed
__getattr__ = _getter(__name__, "mps", _BASIC)

"""What threadpoolctl is told of wengert's threads."""

from __future__ import annotations

import wengert as wg


def register_controller() -> None:
    """Makes `threadpoolctl.threadpool_limits` and `threadpool_info` know wengert's threads."""
    try:
        from threadpoolctl import LibController, register
    except ImportError:
        return

    class Controller(LibController):
        user_api = "openmp"
        internal_api = "wengert"
        filename_prefixes = ("_native",)
        check_symbols = tuple(
            f"PyInit__native{level}" for level in ("", "_v2", "_v3", "_v4", "_base", "_native")
        )

        def get_num_threads(self) -> int:
            return wg.get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            wg.set_num_threads(num_threads)

        def get_version(self) -> str:
            return wg.__version__

    register(Controller)

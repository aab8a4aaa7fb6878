"""Exchanges until it is interrupted; each rank writes its process id into a directory.

mpirun -n 2 python endless.py DIRECTORY
"""

import os
import sys
from pathlib import Path

import wengert as wg
import wengert.distributed as dist


def main():
    dist.init_process_group(timeout=30)
    x = wg.ones(10000)
    dist.all_reduce(x)
    Path(sys.argv[1], f"{dist.get_rank()}.tmp").write_text(str(os.getpid()))
    Path(sys.argv[1], f"{dist.get_rank()}.tmp").rename(Path(sys.argv[1], str(dist.get_rank())))
    while True:
        dist.all_reduce(x)


if __name__ == "__main__":
    main()

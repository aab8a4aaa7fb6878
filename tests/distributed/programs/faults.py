"""One rank fails, in one of several ways, while the others are in a call.

mpirun -n 2 python faults.py HOW CALL
"""

import os
import signal
import sys
import time

import wengert as wg
import wengert.distributed as dist


def call(name, rank, ranks, model):
    x, every = wg.ones(70000), [wg.empty(70000) for _ in range(ranks)]
    if name == "reduce_scatter":
        dist.reduce_scatter(x, every)
    elif name == "all_gather":
        dist.all_gather(every, x)
    elif name == "all_to_all":
        dist.all_to_all(every, [x] * ranks)
    elif name == "recv":
        dist.recv(x, ranks - 1)
    elif name == "scatter":
        dist.scatter(x, every if rank == ranks - 1 else None, ranks - 1)
    elif name == "gather":
        dist.gather(x, every if rank == 0 else None)
    elif name == "broadcast":
        dist.broadcast(x, ranks - 1)
    elif name == "reduce":
        dist.reduce(x, 0)
    elif name == "barrier":
        dist.barrier()
    elif name == "all_gather_object":
        dist.all_gather_object([None] * ranks, rank)
    elif name == "backward":
        model(wg.ones(2, 3)).sum().backward()
    else:
        dist.all_reduce(x)


def fail(how):
    if how == "raise":
        raise ArithmeticError("this rank has failed")
    if how == "exit":
        sys.exit(3)
    if how == "vanish":
        os._exit(5)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(120)  # stuck


def main():
    how, name = sys.argv[1:]
    dist.init_process_group(timeout=2)
    rank, ranks = dist.get_rank(), dist.get_world_size()
    model = wg.nn.parallel.DistributedDataParallel(wg.nn.Linear(3, 1))
    if rank == ranks - 1:
        fail(how)
    call(name, rank, ranks, model)
    call(name, rank, ranks, model)  # what one has sent before it failed may be enough for the first
    dist.barrier()


if __name__ == "__main__":
    main()

"""The calls of a group against NumPy: more dtypes and sizes, up to 10 million elements, or few.

mpirun -n 2 python collectives.py [whole|few]
"""

import sys

import numpy as np

import wengert as wg
import wengert.distributed as dist

OPS = {
    "SUM": np.add, "PRODUCT": np.multiply, "MIN": np.minimum, "MAX": np.maximum,
    "BAND": np.bitwise_and, "BOR": np.bitwise_or, "BXOR": np.bitwise_xor,
}  # fmt: skip
DTYPES = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool", "float16",
          "bfloat16")  # fmt: skip
SIZES = (0, 1, 1023, 9001)


def data(rank, size, dtype):
    """Of bfloat16, which NumPy has not, the float32 numbers that it has too."""
    x = np.random.default_rng(rank * 1000 + size).standard_normal(size) * 3
    if dtype == "bfloat16":
        return rounded(np.abs(x).astype(np.float32))
    return x > 0 if dtype == "bool" else np.abs(x).astype(dtype)


def rounded(x):
    """To bfloat16, half to even, on the bits."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def made(array, dtype):
    return wg.from_numpy(array.copy()).to(getattr(wg, dtype))


def joined(op, arrays, dtype):
    """Rank by rank, rounded to the dtype after each."""
    total = arrays[0].copy()
    for other in arrays[1:]:
        total = OPS[op](total, other).astype(arrays[0].dtype)
        total = rounded(total) if dtype == "bfloat16" else total
    return total


def same(tensor, array):
    if tensor.dtype is wg.bfloat16:
        tensor = tensor.float()
    assert tensor.dtype is getattr(wg, array.dtype.name) or array.dtype == np.bool_
    assert np.array_equal(tensor.numpy(), array), (tensor, array)


def reductions(rank, ranks, size, dtype):
    every = [data(i, size, dtype) for i in range(ranks)]
    lists = [[data(17 * i + j, size, dtype) for j in range(ranks)] for i in range(ranks)]
    for op in OPS:
        if op.startswith("B") and "float" in dtype:
            continue
        wanted, how = joined(op, every, dtype), dist.ReduceOp[op]
        for asynchronous in (False, True):
            x = made(every[rank], dtype)
            work = dist.all_reduce(x, how, async_op=asynchronous)
            if asynchronous:
                assert work.wait() and work.is_completed()
            same(x, wanted)
        x = made(every[rank], dtype)
        dist.reduce(x, ranks - 1, how)
        if rank == ranks - 1:
            same(x, wanted)
        out = wg.empty(size, dtype=x.dtype)
        dist.reduce_scatter(out, [made(a, dtype) for a in lists[rank]], how)
        same(out, joined(op, [row[rank] for row in lists], dtype))


def movements(rank, ranks, size, dtype):
    every = [data(i, size, dtype) for i in range(ranks)]
    mine = made(every[rank], dtype)

    def blank(n=size):
        return wg.empty(n, dtype=mine.dtype)

    x = mine.clone()
    dist.broadcast(x, ranks - 1)
    same(x, every[-1])
    outs = [blank() for _ in every]
    dist.all_gather(outs, mine)
    for out, wanted in zip(outs, every, strict=True):
        same(out, wanted)
    whole = blank(ranks * size)
    dist.all_gather_into_tensor(whole, mine)
    same(whole, np.concatenate(every))
    outs = [blank() for _ in every]
    dist.gather(mine, outs if rank == 0 else None)
    if rank == 0:
        same(outs[-1], every[-1])
    x = blank()
    dist.scatter(x, [made(a, dtype) for a in every] if rank == 0 else None)
    same(x, every[rank])
    lists = [[data(17 * i + j, size, dtype) for j in range(ranks)] for i in range(ranks)]
    outs = [blank() for _ in every]
    dist.all_to_all(outs, [made(a, dtype) for a in lists[rank]])
    for out, row in zip(outs, lists, strict=True):
        same(out, row[rank])
    whole = blank(ranks * size)
    dist.all_to_all_single(whole, made(np.concatenate(lists[rank]), dtype))
    same(whole, np.concatenate([row[rank] for row in lists]))
    if ranks > 1:
        x, before = blank(), (rank - 1) % ranks
        work = dist.isend(mine, (rank + 1) % ranks, tag=3)
        assert dist.recv(x, before, tag=3) == before
        work.wait()
        same(x, every[before])


def groups(rank, ranks):
    x = wg.arange(12.0).reshape(3, 4).t() + rank
    dist.all_reduce(x, dist.ReduceOp.AVG)
    same(x, (np.arange(12, dtype=np.float32).reshape(3, 4) + (ranks - 1) / 2).T)
    ends = sorted({0, ranks - 1})
    group = dist.new_group(ends)
    x = wg.ones(7) * (rank + 1)
    dist.all_reduce(x, group=group)
    if rank in ends:
        assert x[0] == sum(r + 1 for r in ends) and dist.get_process_group_ranks(group) == ends
    else:
        assert group is dist.GroupMember.NON_GROUP_MEMBER and dist.get_rank(group) == -1
    works = [dist.all_reduce(wg.ones(20000) * i, async_op=True) for i in range(4)]
    for work in works[:: -1 if rank % 2 else 1]:
        work.wait()
    assert works[3].get_future().wait()[0][-1] == 3 * ranks
    dist.barrier()


def objects(rank, ranks):
    found = [None] * ranks
    dist.all_gather_object(found, {"rank": rank, "text": "a" * rank})
    assert found == [{"rank": i, "text": "a" * i} for i in range(ranks)]
    found = [rank, "z" * rank]
    dist.broadcast_object_list(found, ranks - 1)
    assert found == [ranks - 1, "z" * (ranks - 1)]
    found = [None]
    dist.scatter_object_list(found, list(range(ranks)) if rank == 0 else None)
    assert found == [rank]
    if rank == 0 and ranks > 1:
        dist.send_object_list([1, "b"], 1)
    elif rank == 1:
        found = [0, 0]
        assert dist.recv_object_list(found, 0) == 0 and found == [1, "b"]


def captured(rank, ranks):
    """Calls within a captured function are steps of its program."""

    @wg.capture
    def step(x):
        y = x * 2
        dist.all_reduce(y)
        return y + 1

    for i in range(4):
        out = step(wg.full((5,), float(rank + i)))
        assert out[0] == 2 * sum(r + i for r in range(ranks)) + 1
    assert step.cache_info().hits == 3

    @wg.capture
    def gathers(x):
        every = [wg.empty(3) for _ in range(ranks)]
        dist.all_gather(every, x)
        return every[0]

    try:
        gathers(wg.ones(3))
    except wg.CaptureError as error:
        assert "all_gather" in str(error)
    else:
        raise AssertionError("all_gather in a captured function")


def main():
    dist.init_process_group(timeout=60)
    rank, ranks = dist.get_rank(), dist.get_world_size()
    whole = sys.argv[1:] == ["whole"]
    few = ("float32",) if sys.argv[1:] == ["few"] else ("float32", "int64", "bool", "bfloat16")
    for dtype in DTYPES if whole else few:
        for size in (*SIZES, 5, 70001, 10_000_000) if whole else SIZES:
            if size == 10_000_000 and dtype not in ("float32", "uint8", "float16"):
                continue
            reductions(rank, ranks, size, dtype)
            movements(rank, ranks, size, dtype)
    for part in (groups, objects, captured):
        part(rank, ranks)
    if rank == 0:
        print("all as NumPy has it")


if __name__ == "__main__":
    main()

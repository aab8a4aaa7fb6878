"""Calls that all ranks of a group make together, on tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .. import _native
from .._native import Tensor
from ._groups import Group, group_of
from ._mpi import plain
from ._state import ReduceOp, Work
from ._sums import check_op, combine, everywhere, own_chunk
from ._work import Done, Parts, in_program, run

if TYPE_CHECKING:
    from ..futures import Future  # noqa: F401


# ---- arguments -------------------------------------------------------------------------------


def check_tensor(call: str, tensor: object, name: str = "tensor") -> Tensor:
    """TypeError unless it is a tensor."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{call}: invalid {name}: a Tensor expected, got {type(tensor).__name__}")
    return tensor


def _check_list(call: str, tensors: object, count: int, like: Tensor, name: str) -> list[Tensor]:
    """ValueError unless there is one for each rank, of the dtype and size that is wanted."""
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(f"{call}: {name}: a list of tensors expected, got {type(tensors).__name__}")
    found = [check_tensor(call, t, name) for t in tensors]
    if len(found) != count:
        raise ValueError(f"{call}: {name} has {len(found)} tensors, and the group {count} ranks")
    for i, t in enumerate(found):
        if t.dtype is not like.dtype or t.numel() != like.numel():
            raise ValueError(
                f"{call}: {name}[{i}] is {t.dtype} {tuple(t.shape)}, where {like.dtype} of "
                f"{like.numel()} elements is needed"
            )
    return found


def refuse_in_capture(call: str) -> None:
    """CaptureError in a captured function, for calls that are no step of a program."""
    if _native._is_capturing():
        _native._capture_refuse(f"distributed.{call}")


def _in_place(
    call: str,
    tensor: Tensor,
    group: Group,
    async_op: bool,
    parts: Callable[[Tensor], Parts],
) -> Work | None:
    """A call that changes one tensor: contiguous memory for MPI, or a step of a program."""

    def begin(memory: Tensor, later: bool) -> Work | None:
        flat = plain(memory)

        def whole() -> Parts:
            yield from parts(flat.view(-1))
            if flat.data_ptr() != memory.data_ptr():
                memory.detach().copy_(flat)

        return run(call, group, whole, later, [memory])

    if _native._is_capturing():
        in_program(call, [tensor], lambda staged: begin(staged[0], False))
        return Done([tensor]) if async_op else None
    return begin(tensor, async_op)


# ---- to all ----------------------------------------------------------------------------------


def all_reduce(
    tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: object = None, async_op: bool = False
) -> Work | None:
    """Makes `tensor`, on every rank, what those of all ranks give together, in rank order.

    All dtypes, any shape, the same on all ranks. A step of the program in a captured function.
    Returns None, or with `async_op` a `Work`. Raises DistBackendError that names rank and call when
    the group's timeout is over or a rank is gone.
    """
    found = group_of(group)
    if found is None:
        return None
    op = check_op("all_reduce", op, check_tensor("all_reduce", tensor))
    return _in_place("all_reduce", tensor, found, async_op, lambda t: everywhere(found, t, op))


def _root(
    group: Group,
    call: str,
    rank: int | None,
    group_rank: int | None,
    name: str,
    default: int | None = None,
) -> int:
    """The number in the group of the root, which is given as one of all ranks or of the group.

    If neither is given it is `default`, an error without one.
    """
    if rank is None and group_rank is None:
        group_rank = default
    if rank is not None and group_rank is not None:
        raise ValueError(f"{call}: group_{name} and {name} are both given")
    if group_rank is not None:
        if not 0 <= group_rank < group.count:
            raise ValueError(f"{call}: group_{name} {group_rank}, of {group.count} ranks from 0")
        return int(group_rank)
    if rank is None:
        raise ValueError(f"{call}: must specify {name} or group_{name}")
    return group.member(int(rank), call, name)


def broadcast(
    tensor: Tensor,
    src: int | None = None,
    group: object = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Makes `tensor`, on every rank, that of rank `src`."""
    found = group_of(group)
    if found is None:
        return None
    check_tensor("broadcast", tensor)
    root = _root(found, "broadcast", src, group_src, "src")

    def parts(t: Tensor) -> Parts:
        yield [found.comm.Ibcast(found.wire.memory(t), root)]

    return _in_place("broadcast", tensor, found, async_op, parts)


def reduce(
    tensor: Tensor,
    dst: int | None = None,
    op: ReduceOp = ReduceOp.SUM,
    group: object = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Makes `tensor` of rank `dst` what those of all ranks give together, in rank order."""
    found = group_of(group)
    if found is None:
        return None
    op = check_op("reduce", op, check_tensor("reduce", tensor))
    root = _root(found, "reduce", dst, group_dst, "dst")
    refuse_in_capture("reduce")

    def parts(t: Tensor) -> Parts:
        if found.here == root:
            got = _native.empty([found.count, t.numel()], dtype=t.dtype)
            yield [
                found.comm.Igather(found.wire.memory(t), found.wire.memory(got, found.count), root)
            ]
            t.copy_(combine(got.unbind(0), op))
        else:
            yield [found.comm.Igather(found.wire.memory(t), None, root)]

    return _in_place("reduce", tensor, found, async_op, parts)


def barrier(
    group: object = None,
    async_op: bool = False,
    device_ids: Sequence[int] | None = None,
    timeout: object = None,
) -> Work | None:
    """Returns when all ranks of the group have called it."""
    found = group_of(group)
    if found is None:
        return None

    def begin(later: bool) -> Work | None:
        def parts() -> Parts:
            yield [found.comm.Ibarrier()]

        return run("barrier", found, parts, later)

    if _native._is_capturing():
        in_program("barrier", [], lambda _: begin(False))
        return Done() if async_op else None
    if timeout is None or async_op:
        return begin(async_op)
    work = begin(True)
    if work is not None:
        work.wait(timeout)
    return None


def monitored_barrier(
    group: object = None, timeout: object = None, wait_all_ranks: bool = False
) -> None:
    """A `barrier` whose error names the ranks that did not come, as that of all calls here does."""
    barrier(group, timeout=timeout)


# ---- gathering -------------------------------------------------------------------------------


def _copy_out(rows: Tensor, targets: Sequence[Tensor]) -> None:
    for row, target in zip(rows.unbind(0), targets, strict=True):
        target.detach().copy_(row.view(target.shape))


def _rows(count: int, like: Tensor) -> Tensor:
    return _native.empty([count, like.numel()], dtype=like.dtype)


def all_gather(
    tensor_list: list[Tensor], tensor: Tensor, group: object = None, async_op: bool = False
) -> Work | None:
    """Fills `tensor_list`, one tensor for each rank, with the tensors of all ranks."""
    found = group_of(group)
    if found is None:
        return None
    call = "all_gather"
    check_tensor(call, tensor)
    targets = _check_list(call, tensor_list, found.count, tensor, "tensor_list")
    refuse_in_capture(call)
    memory = plain(tensor)

    def parts() -> Parts:
        rows = _rows(found.count, memory)
        yield [
            found.comm.Iallgather(found.wire.memory(memory), found.wire.memory(rows, found.count))
        ]
        _copy_out(rows, targets)

    return run(call, found, parts, async_op, tensor_list)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: object = None, async_op: bool = False
) -> Work | None:
    """Fills `output_tensor` with the tensors of all ranks, one after the other."""
    found = group_of(group)
    if found is None:
        return None
    call = "all_gather_into_tensor"
    source, target = check_tensor(call, input_tensor), check_tensor(call, output_tensor)
    _check_sizes(call, source, target, found.count, "output_tensor", "input_tensor")
    refuse_in_capture(call)
    memory, into = plain(source), plain(target)

    def parts() -> Parts:
        yield [
            found.comm.Iallgather(found.wire.memory(memory), found.wire.memory(into, found.count))
        ]
        if into.data_ptr() != target.data_ptr():
            target.detach().copy_(into)

    return run(call, found, parts, async_op, [output_tensor])


def _check_sizes(
    call: str, part: Tensor, whole: Tensor, ranks: int, whole_name: str, part_name: str
) -> None:
    if whole.dtype is not part.dtype or whole.numel() != part.numel() * ranks:
        raise ValueError(
            f"{call}: {whole_name} is {whole.dtype} of {whole.numel()} elements, where "
            f"{ranks} ranks and {part_name}, {part.dtype} of {part.numel()}, need "
            f"{part.numel() * ranks}"
        )


def gather(
    tensor: Tensor,
    gather_list: list[Tensor] | None = None,
    dst: int | None = None,
    group: object = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Fills `gather_list` of rank `dst` (default 0) with the tensors of all ranks."""
    found = group_of(group)
    if found is None:
        return None
    call = "gather"
    check_tensor(call, tensor)
    root = _root(found, call, dst, group_dst, "dst", 0)
    if found.here != root and gather_list:
        raise ValueError(
            "gather: Argument ``gather_list`` must NOT be specified on non-destination ranks."
        )
    if found.here == root and gather_list is None:
        raise ValueError("gather: Argument ``gather_list`` must be specified on destination rank.")
    refuse_in_capture(call)
    memory = plain(tensor)
    if found.here != root:

        def send() -> Parts:
            yield [found.comm.Igather(found.wire.memory(memory), None, root)]

        return run(call, found, send, async_op, [tensor])
    targets = _check_list(call, gather_list, found.count, tensor, "gather_list")

    def parts() -> Parts:
        rows = _rows(found.count, memory)
        yield [
            found.comm.Igather(
                found.wire.memory(memory), found.wire.memory(rows, found.count), root
            )
        ]
        _copy_out(rows, targets)

    return run(call, found, parts, async_op, targets)


# ---- dealing out -----------------------------------------------------------------------------


def scatter(
    tensor: Tensor,
    scatter_list: list[Tensor] | None = None,
    src: int | None = None,
    group: object = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Fills `tensor` of each rank with its one of rank `src`'s `scatter_list` (default rank 0)."""
    found = group_of(group)
    if found is None:
        return None
    call = "scatter"
    check_tensor(call, tensor)
    root = _root(found, call, src, group_src, "src", 0)
    if found.here != root and scatter_list:
        raise ValueError(
            "scatter: Argument ``scatter_list`` must NOT be specified on non-source ranks."
        )
    refuse_in_capture(call)
    rows: Tensor | None = None
    if found.here == root:
        given = _check_list(call, scatter_list, found.count, tensor, "scatter_list")
        rows = _native.stack([plain(t).view(-1) for t in given])
    memory = plain(tensor)

    def parts() -> Parts:
        source = None if rows is None else found.wire.memory(rows, found.count)
        yield [found.comm.Iscatter(source, found.wire.memory(memory), root)]
        if memory.data_ptr() != tensor.data_ptr():
            tensor.detach().copy_(memory)

    return run(call, found, parts, async_op, [tensor])


def _reduce_scatter(
    call: str, output: Tensor, rows: Tensor, op: ReduceOp, group: Group, async_op: bool
) -> Work | None:
    refuse_in_capture(call)

    def parts() -> Parts:
        if group.count == 1:
            mine = rows
        else:
            mine = yield from own_chunk(group, rows, op, False)
        output.detach().copy_(mine.view(output.shape))

    return run(call, group, parts, async_op, [output])


def reduce_scatter(
    output: Tensor,
    input_list: list[Tensor],
    op: ReduceOp = ReduceOp.SUM,
    group: object = None,
    async_op: bool = False,
) -> Work | None:
    """Fills `output` of each rank with what its tensors in all ranks' lists give together."""
    found = group_of(group)
    if found is None:
        return None
    call = "reduce_scatter"
    op = check_op(call, op, check_tensor(call, output, "output"))
    given = _check_list(call, input_list, found.count, output, "input_list")
    rows = _native.cat([plain(t).view(-1) for t in given])
    return _reduce_scatter(call, output, rows, op, found, async_op)


def reduce_scatter_tensor(
    output: Tensor,
    input: Tensor,
    op: ReduceOp = ReduceOp.SUM,
    group: object = None,
    async_op: bool = False,
) -> Work | None:
    """`reduce_scatter` of a tensor with the parts of all ranks, one after the other."""
    found = group_of(group)
    if found is None:
        return None
    call = "reduce_scatter_tensor"
    op = check_op(call, op, check_tensor(call, output, "output"))
    check_tensor(call, input, "input")
    _check_sizes(call, output, input, found.count, "input", "output")
    rows = plain(input).clone().view(-1) if found.count == 1 else plain(input).view(-1)
    return _reduce_scatter(call, output, rows, op, found, async_op)


def all_to_all(
    output_tensor_list: list[Tensor],
    input_tensor_list: list[Tensor],
    group: object = None,
    async_op: bool = False,
) -> Work | None:
    """Sends a tensor to each rank, and fills one from each; their sizes may differ."""
    found = group_of(group)
    if found is None:
        return None
    call = "all_to_all"
    for name, given in (("output", output_tensor_list), ("input", input_tensor_list)):
        if len(given) != found.count:
            raise ValueError(
                f"{call}: {name}_tensor_list has {len(given)} tensors, and the group "
                f"{found.count} ranks"
            )
        for t in given:
            if check_tensor(call, t, f"{name}_tensor_list").dtype is not given[0].dtype:
                raise ValueError(f"{call}: tensors of different dtypes in {name}_tensor_list")
    refuse_in_capture(call)
    send = _native.cat([plain(t).view(-1) for t in input_tensor_list])
    sizes = [t.numel() for t in output_tensor_list]
    got = _native.empty([sum(sizes)], dtype=output_tensor_list[0].dtype)

    def parts() -> Parts:
        yield [_swap(found, send, [t.numel() for t in input_tensor_list], got, sizes)]
        start = 0
        for target, size in zip(output_tensor_list, sizes, strict=True):
            target.detach().copy_(got[start : start + size].view(target.shape))
            start += size

    return run(call, found, parts, async_op, output_tensor_list)


def _starts(sizes: Sequence[int]) -> list[int]:
    starts, at = [], 0
    for size in sizes:
        starts.append(at)
        at += size
    return starts


def _swap(
    group: Group, send: Tensor, sent: Sequence[int], got: Tensor, sizes: Sequence[int]
) -> object:
    wire = group.wire
    return group.comm.Ialltoallv(
        wire.parts(send, sent, _starts(sent)), wire.parts(got, sizes, _starts(sizes))
    )


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
    group: object = None,
    async_op: bool = False,
) -> Work | None:
    """Sends a part of `input` to each rank, and fills `output` with a part from each.

    The parts are equal, or of the given sizes along the first dimension.
    """
    found = group_of(group)
    if found is None:
        return None
    call = "all_to_all_single"
    check_tensor(call, output, "output")
    check_tensor(call, input, "input")
    refuse_in_capture(call)
    send, got = plain(input), plain(output)
    sent = _split(call, send, input_split_sizes, found.count, "input")
    sizes = _split(call, got, output_split_sizes, found.count, "output")

    def parts() -> Parts:
        yield [_swap(found, send, sent, got, sizes)]
        if got.data_ptr() != output.data_ptr():
            output.detach().copy_(got)

    return run(call, found, parts, async_op, [output])


def _split(
    call: str, tensor: Tensor, sizes: Sequence[int] | None, ranks: int, name: str
) -> list[int]:
    """Elements of the part of each rank."""
    rows = tensor.shape[0] if tensor.dim() else 0
    if not sizes:
        if rows % ranks:
            raise ValueError(
                f"{call}: the first dimension of {name}, {rows}, is not divided by {ranks} ranks"
            )
        sizes = [rows // ranks] * ranks
    if len(sizes) != ranks or sum(sizes) != rows or min(sizes) < 0:
        raise ValueError(
            f"{call}: {name}_split_sizes {list(sizes)}, where {ranks} sizes of {rows} rows in all "
            "are needed"
        )
    row = tensor.numel() // rows if rows else 0
    return [size * row for size in sizes]

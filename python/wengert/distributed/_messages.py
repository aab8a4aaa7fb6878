"""Messages from one rank to another, and Python objects, which travel as bytes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence

from .. import _native
from .._composed import frombuffer
from .._native import Tensor
from ._collectives import _root, check_tensor, refuse_in_capture
from ._groups import Group, group_of
from ._mpi import plain
from ._state import Work
from ._work import Call, Parts, run

#: Nothing that is awaited: a call that asks itself whether it is over.
_AGAIN: tuple[object, ...] = ()

# ---- tensors ---------------------------------------------------------------------------------


def _message(
    call: str, group: Group, parts: Callable[[], Parts], tensor: Tensor, other: int | None
) -> Call:
    """A message under way; it waits for no call of the group."""
    members = group.ranks if other is None else [group.wire.rank, group.ranks[other]]
    made = Call(call, group, parts(), [tensor], members)
    made.is_completed()
    return made


def isend(
    tensor: Tensor,
    dst: int | None = None,
    group: object = None,
    tag: int = 0,
    group_dst: int | None = None,
) -> Work | None:
    """Begins to send a tensor to rank `dst`; it must not change before `wait()`."""
    return _send("isend", tensor, dst, group, tag, group_dst)


def _send(
    call: str, tensor: Tensor, dst: int | None, group: object, tag: int, group_dst: int | None
) -> Call | None:
    found = group_of(group)
    if found is None:
        return None
    check_tensor(call, tensor)
    other = _root(found, call, dst, group_dst, "dst")
    if other == found.here:
        raise ValueError(
            "Invalid destination rank: destination rank should not be the same as the rank of "
            "the current process."
        )
    refuse_in_capture(call)
    memory = plain(tensor)

    def parts() -> Parts:
        yield [found.comm.Isend(found.wire.memory(memory), other, tag)]

    return _message(call, found, parts, tensor, other)


def irecv(
    tensor: Tensor,
    src: int | None = None,
    group: object = None,
    tag: int = 0,
    group_src: int | None = None,
) -> Work | None:
    """Begins to fill a tensor with one from rank `src`, or from any rank."""
    return _recv("irecv", tensor, src, group, tag, group_src)


def _recv(
    call: str, tensor: Tensor, src: int | None, group: object, tag: int, group_src: int | None
) -> Call | None:
    found = group_of(group)
    if found is None:
        return None
    check_tensor(call, tensor)
    anyone = src is None and group_src is None
    other = None if anyone else _root(found, call, src, group_src, "src")
    refuse_in_capture(call)
    memory = plain(tensor)
    mpi = found.wire.mpi
    if found.count == 1:
        raise RuntimeError(f"{call}: there is no other rank to receive from")

    def parts() -> Parts:
        source = mpi.ANY_SOURCE if other is None else other
        request = found.comm.Irecv(found.wire.memory(memory), source, tag)
        while (status := found.wire.received(request)) is None:
            yield _AGAIN
        made.source = found.ranks[status.Get_source()]
        if memory.data_ptr() != tensor.data_ptr():
            tensor.detach().copy_(memory)

    made = Call(call, found, parts(), [tensor], found.ranks if other is None
                else [found.wire.rank, found.ranks[other]])  # fmt: skip
    made.is_completed()
    return made


def send(
    tensor: Tensor,
    dst: int | None = None,
    group: object = None,
    tag: int = 0,
    group_dst: int | None = None,
) -> None:
    """Sends a tensor to rank `dst`."""
    made = _send("send", tensor, dst, group, tag, group_dst)
    if made is not None:
        made.wait()


def recv(
    tensor: Tensor,
    src: int | None = None,
    group: object = None,
    tag: int = 0,
    group_src: int | None = None,
) -> int:
    """Fills a tensor with one from rank `src`, or from any; returns the rank it came from."""
    made = _recv("recv", tensor, src, group, tag, group_src)
    if made is None:
        return -1
    made.wait()
    return made.source_rank()


class P2POp:
    """A message for `batch_isend_irecv`: `op` is `isend` or `irecv`, `peer` the other rank."""

    def __init__(
        self,
        op: Callable[..., Work | None],
        tensor: Tensor,
        peer: int | None = None,
        group: object = None,
        tag: int = 0,
        group_peer: int | None = None,
    ) -> None:
        if op not in (isend, irecv):
            raise ValueError("P2POp: op must be distributed.isend or distributed.irecv")
        self.op, self.tensor, self.peer, self.group = op, tensor, peer, group
        self.tag, self.group_peer = tag, group_peer


def batch_isend_irecv(p2p_op_list: list[P2POp]) -> list[Work]:
    """Begins all messages; returns what to wait for."""
    made = []
    for one in p2p_op_list:
        name = "group_dst" if one.op is isend else "group_src"
        work = one.op(one.tensor, one.peer, one.group, one.tag, **{name: one.group_peer})
        if work is not None:
            made.append(work)
    return made


# ---- objects ---------------------------------------------------------------------------------


def _packed(obj: object) -> Tensor:
    return frombuffer(bytearray(pickle.dumps(obj)), dtype=_native.uint8)


def _unpacked(data: Tensor) -> object:
    return pickle.loads(data.numpy().tobytes())


def _exchange_objects(call: str, group: Group, mine: object, all_of: list[object]) -> None:
    """Fills the list with the objects of all ranks: their sizes first, then their bytes."""
    data = _packed(mine)
    sizes = _native.zeros([group.count], dtype=_native.int64)
    own = _native.tensor([data.numel()], dtype=_native.int64)

    def parts() -> Parts:
        wire = group.wire
        yield [group.comm.Iallgather(wire.memory(own), wire.memory(sizes, group.count))]
        counts = [int(n) for n in sizes.tolist()]
        starts = [sum(counts[:i]) for i in range(len(counts))]
        got = _native.empty([sum(counts)], dtype=_native.uint8)
        yield [group.comm.Iallgatherv(wire.memory(data), wire.parts(got, counts, starts))]
        for i, (start, count) in enumerate(zip(starts, counts, strict=True)):
            all_of[i] = _unpacked(got[start : start + count])

    run(call, group, parts, False)


def all_gather_object(object_list: list[object], obj: object, group: object = None) -> None:
    """Fills the list with the objects of all ranks, which must pickle."""
    found = group_of(group)
    if found is None:
        return
    refuse_in_capture("all_gather_object")
    if len(object_list) != found.count:
        raise ValueError(
            f"all_gather_object: object_list has {len(object_list)} places, and the group "
            f"{found.count} ranks"
        )
    _exchange_objects("all_gather_object", found, obj, object_list)


def gather_object(
    obj: object,
    object_gather_list: list[object] | None = None,
    dst: int | None = None,
    group: object = None,
    group_dst: int | None = None,
) -> None:
    """Fills the list of rank `dst` (default 0) with the objects of all ranks."""
    found = group_of(group)
    if found is None:
        return
    call = "gather_object"
    refuse_in_capture(call)
    root = _root(found, call, dst, group_dst, "dst", 0)
    if found.here == root and (
        object_gather_list is None or len(object_gather_list) != found.count
    ):
        raise ValueError(f"{call}: rank {root} needs a list of {found.count} places")
    every: list[object] = [None] * found.count
    _exchange_objects(call, found, obj, every)
    if found.here == root and object_gather_list is not None:
        object_gather_list[:] = every


def _from_root(call: str, group: Group, root: int, value: object) -> object:
    """The object of the root: its size first, then its bytes."""
    data = _packed(value) if group.here == root else _native.empty([0], dtype=_native.uint8)
    size = _native.tensor([data.numel()], dtype=_native.int64)
    got: list[object] = []

    def parts() -> Parts:
        wire = group.wire
        yield [group.comm.Ibcast(wire.memory(size), root)]
        into = data if group.here == root else _native.empty([int(size)], dtype=_native.uint8)
        yield [group.comm.Ibcast(wire.memory(into), root)]
        got.append(value if group.here == root else _unpacked(into))

    run(call, group, parts, False)
    return got[0]


def broadcast_object_list(
    object_list: list[object],
    src: int | None = None,
    group: object = None,
    device: object = None,
    group_src: int | None = None,
) -> None:
    """Makes the objects in the list those of rank `src` (default 0), in place."""
    found = group_of(group)
    if found is None:
        return
    call = "broadcast_object_list"
    refuse_in_capture(call)
    root = _root(found, call, src, group_src, "src", 0)
    got = _from_root(call, found, root, list(object_list))
    if not isinstance(got, list) or len(got) != len(object_list):
        raise ValueError(f"{call}: the list of rank {found.ranks[root]} is of another length")
    object_list[:] = got


def scatter_object_list(
    scatter_object_output_list: list[object],
    scatter_object_input_list: Sequence[object] | None = None,
    src: int | None = None,
    group: object = None,
    group_src: int | None = None,
) -> None:
    """Puts this rank's one of rank `src`'s objects (default 0) first into the output list."""
    found = group_of(group)
    if found is None:
        return
    call = "scatter_object_list"
    refuse_in_capture(call)
    if not isinstance(scatter_object_output_list, list) or not scatter_object_output_list:
        raise ValueError(f"{call}: scatter_object_output_list must be a list of one place")
    root = _root(found, call, src, group_src, "src", 0)
    given = None
    if found.here == root:
        given = list(scatter_object_input_list or ())
        if len(given) != found.count:
            raise ValueError(f"{call}: {len(given)} objects for {found.count} ranks")
    got = _from_root(call, found, root, given)
    if isinstance(got, list):
        scatter_object_output_list[0] = got[found.here]


def send_object_list(
    object_list: list[object],
    dst: int | None = None,
    group: object = None,
    device: object = None,
    group_dst: int | None = None,
    use_batch: bool = False,
) -> None:
    """Sends objects to rank `dst`, which calls `recv_object_list`."""
    found = group_of(group)
    if found is None:
        return
    data = _packed(list(object_list))
    for tensor in (_native.tensor([data.numel()], dtype=_native.int64), data):
        made = _send("send_object_list", tensor, dst, group, 0, group_dst)
        if made is not None:
            made.wait()


def recv_object_list(
    object_list: list[object],
    src: int | None = None,
    group: object = None,
    device: object = None,
    group_src: int | None = None,
    use_batch: bool = False,
) -> int:
    """Fills the list with objects from rank `src`, or from any; returns the rank."""
    found = group_of(group)
    if found is None:
        return -1
    call = "recv_object_list"
    size = _native.zeros([1], dtype=_native.int64)
    first = _recv(call, size, src, group, 0, group_src)
    if first is None:
        return -1
    first.wait()
    data = _native.empty([int(size)], dtype=_native.uint8)
    second = _recv(call, data, first.source_rank(), group, 0, None)
    if second is not None:
        second.wait()
    got = _unpacked(data)
    if not isinstance(got, list) or len(got) != len(object_list):
        raise ValueError(f"{call}: the list that was sent is of another length")
    object_list[:] = got
    return first.source_rank()

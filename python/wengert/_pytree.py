"""Nested containers as trees: their leaves in order, and the containers around other leaves.

Tuples, also those with names, lists, dicts and deques are containers, and what is registered;
everything else, None too, is a leaf. Private in PyTorch as well, and used by many libraries.
"""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias, cast

from ._typing import UserFunction

__all__ = [
    "SUPPORTED_NODES",
    "Context",
    "DictContext",
    "GetAttrKey",
    "KeyEntry",
    "KeyPath",
    "LeafSpec",
    "MappingKey",
    "NodeDef",
    "PyTree",
    "SequenceKey",
    "TreeSpec",
    "broadcast_to_and_flatten",
    "is_namedtuple",
    "is_namedtuple_class",
    "is_namedtuple_instance",
    "is_structseq",
    "is_structseq_class",
    "is_structseq_instance",
    "key_get",
    "keystr",
    "register_pytree_node",
    "tree_all",
    "tree_all_only",
    "tree_any",
    "tree_any_only",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_is_leaf",
    "tree_iter",
    "tree_leaves",
    "tree_leaves_with_path",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_map_with_path",
    "tree_structure",
    "tree_unflatten",
    "treespec_pprint",
]  # fmt: skip

PyTree: TypeAlias = object
#: What a container knows beside its parts, such as the keys of a dict.
Context: TypeAlias = object
DictContext: TypeAlias = "list[object]"
IsLeaf: TypeAlias = "Callable[[PyTree], bool] | None"


class SequenceKey(NamedTuple):
    """The place of a part in a sequence."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: object) -> object:
        """The part of `sequence` there."""
        return cast("list[object]", sequence)[self.idx]


class MappingKey(NamedTuple):
    """The place of a part in a mapping."""

    key: object

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: object) -> object:
        """The part of `mapping` there."""
        return cast("dict[object, object]", mapping)[self.key]


class GetAttrKey(NamedTuple):
    """The place of a part among the attributes of an object."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: object) -> object:
        """The attribute of `obj`."""
        return getattr(obj, self.name)


KeyEntry: TypeAlias = "SequenceKey | MappingKey | GetAttrKey"
KeyPath: TypeAlias = tuple[KeyEntry, ...]


class NodeDef(NamedTuple):
    """How a container of one type is taken apart and put together."""

    type: type
    flatten_fn: UserFunction
    unflatten_fn: UserFunction
    flatten_with_keys_fn: UserFunction | None


#: The containers, by type.
SUPPORTED_NODES: dict[type, NodeDef] = {}


def register_pytree_node(
    cls: type,
    flatten_fn: UserFunction,
    unflatten_fn: UserFunction,
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: UserFunction | None = None,
    from_dumpable_context: UserFunction | None = None,
    flatten_with_keys_fn: UserFunction | None = None,
) -> None:
    """Makes a type a container: `flatten_fn(x)` gives (parts, context), `unflatten_fn(parts,
    context)` the container again, `flatten_with_keys_fn(x)` the parts with their places. ValueError
    if it is one already. The other arguments, which belong to files of exported programs, are
    accepted."""
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)


_register_pytree_node = register_pytree_node


class _Named:
    """Stands in `SUPPORTED_NODES` for all named tuples, which are types of their own."""


class _Struct:
    """Stands there for the results of several tensors with names, such as `torch.max` gives."""


def _get_node_type(tree: PyTree) -> type:
    kind = type(tree)
    if kind not in SUPPORTED_NODES and isinstance(tree, tuple):
        if is_namedtuple_class(kind):
            return _Named
        if is_structseq_class(kind):
            return _Struct
    return kind


def is_namedtuple(obj: object) -> bool:
    """Whether it is a named tuple, or a type of them."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_namedtuple_class(cls: object) -> bool:
    """Whether it is a type of named tuples."""
    return isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields")


def is_namedtuple_instance(obj: object) -> bool:
    """Whether it is a named tuple."""
    return is_namedtuple_class(type(obj))


def is_structseq(obj: object) -> bool:
    """Whether it is a result with names, as `torch.max` gives, or a type of them."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_class(cls: object) -> bool:
    """Whether it is a type of results with names."""
    return isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "n_fields")


def is_structseq_instance(obj: object) -> bool:
    """Whether it is a result with names."""
    return is_structseq_class(type(obj))


def _list_flatten(d: Iterable[object]) -> tuple[list[object], Context]:
    return list(d), None


def _indexed(d: Iterable[object]) -> tuple[list[object], Context]:
    return [(SequenceKey(i), part) for i, part in enumerate(d)], None


def _dict_flatten(d: dict[object, object]) -> tuple[list[object], Context]:
    return list(d.values()), list(d)


def _dict_flatten_with_keys(d: dict[object, object]) -> tuple[list[object], Context]:
    return [(MappingKey(key), part) for key, part in d.items()], list(d)


def _dict_unflatten(values: Iterable[object], context: Context) -> dict[object, object]:
    return dict(zip(cast("list[object]", context), values, strict=True))


def _ordered_unflatten(values: Iterable[object], context: Context) -> OrderedDict[object, object]:
    return OrderedDict(_dict_unflatten(values, context))


def _default_flatten(d: defaultdict[object, object]) -> tuple[list[object], Context]:
    return list(d.values()), [d.default_factory, list(d)]


def _default_with_keys(d: defaultdict[object, object]) -> tuple[list[object], Context]:
    return _dict_flatten_with_keys(d)[0], [d.default_factory, list(d)]


def _default_unflatten(values: Iterable[object], context: Context) -> dict[object, object]:
    factory, keys = cast("tuple[Callable[[], object], list[object]]", context)
    return defaultdict(factory, _dict_unflatten(values, keys))


def _named_flatten(d: tuple[object, ...]) -> tuple[list[object], Context]:
    return list(d), type(d)


def _named_with_keys(d: tuple[object, ...]) -> tuple[list[object], Context]:
    fields: tuple[str, ...] = type(d)._fields  # type: ignore[attr-defined]
    return [(GetAttrKey(name), part) for name, part in zip(fields, d, strict=True)], type(d)


def _named_unflatten(values: Iterable[object], context: Context) -> PyTree:
    return cast("UserFunction", context)(*values)


register_pytree_node(tuple, _list_flatten, lambda v, _: tuple(v), flatten_with_keys_fn=_indexed)
register_pytree_node(list, _list_flatten, lambda v, _: list(v), flatten_with_keys_fn=_indexed)
register_pytree_node(
    deque,
    lambda d: (list(d), d.maxlen),
    lambda v, size: deque(v, maxlen=size),
    flatten_with_keys_fn=lambda d: (_indexed(d)[0], d.maxlen),
)
register_pytree_node(
    dict, _dict_flatten, _dict_unflatten, flatten_with_keys_fn=_dict_flatten_with_keys
)
register_pytree_node(
    OrderedDict, _dict_flatten, _ordered_unflatten, flatten_with_keys_fn=_dict_flatten_with_keys
)
register_pytree_node(
    defaultdict, _default_flatten, _default_unflatten, flatten_with_keys_fn=_default_with_keys
)
register_pytree_node(
    _Named, _named_flatten, _named_unflatten, flatten_with_keys_fn=_named_with_keys
)
register_pytree_node(
    _Struct,
    _named_flatten,
    lambda v, kind: kind(v),
    flatten_with_keys_fn=lambda d: (_indexed(d)[0], type(d)),
)


class TreeSpec:
    """The containers of a tree without its leaves: a type, its context, the specs of its parts."""

    __slots__ = ("_children", "context", "num_leaves", "num_nodes", "type")
    num_leaves: int
    num_nodes: int

    def __init__(
        self, type: type | None, context: Context = None, children_specs: Iterable[TreeSpec] = ()
    ) -> None:
        self.type, self.context, self._children = type, context, list(children_specs)
        self.num_nodes = 1 + sum(child.num_nodes for child in self._children)
        self.num_leaves = 1 if type is None else sum(c.num_leaves for c in self._children)

    @property
    def num_children(self) -> int:
        return len(self._children)

    @property
    def children_specs(self) -> list[TreeSpec]:
        return self._children

    def children(self) -> list[TreeSpec]:
        """The specs of the parts."""
        return list(self._children)

    def child(self, index: int) -> TreeSpec:
        """The spec of one part."""
        return self._children[index]

    def is_leaf(self) -> bool:
        """Whether this stands for a leaf."""
        return self.type is None

    def unflatten(self, leaves: Iterable[object]) -> PyTree:
        """The containers around these leaves; ValueError unless there are as many as here."""
        return tree_unflatten(leaves, self)

    def flatten_up_to(self, tree: PyTree) -> list[PyTree]:
        """The parts of a tree that stand where the leaves are here. ValueError if the containers
        above them are others."""
        if self.type is None:
            return [tree]
        if _get_node_type(tree) is not self.type:
            raise ValueError(f"the tree {tree!r} does not begin with the containers {self}")
        parts, context = SUPPORTED_NODES[self.type].flatten_fn(tree)
        fits = context == self.context
        if self.type in _DICTS:  # in any order
            table = cast("dict[object, object]", tree)
            fits = set(table) == set(_keys(self))
            parts = [table[key] for key in _keys(self)] if fits else []
        if not fits or len(parts) != len(self._children):
            raise ValueError(f"the tree {tree!r} does not begin with the containers {self}")
        return [x for c, part in zip(self._children, parts, strict=True)
                for x in c.flatten_up_to(part)]  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreeSpec) and (self.type, self.context, self._children) == (
            other.type,
            other.context,
            other._children,
        )

    def __hash__(self) -> int:
        return hash((self.type, self.num_leaves, self.num_nodes))

    def __repr__(self) -> str:
        if self.type is None:
            return "*"
        inside = ", ".join(map(repr, self._children))
        return f"TreeSpec({self.type.__name__}, {self.context!r}, [{inside}])"


_DICTS = (dict, OrderedDict, defaultdict)


def _keys(spec: TreeSpec) -> list[object]:
    context = cast("list[object]", spec.context)
    return cast("list[object]", context[1]) if spec.type is defaultdict else context


class LeafSpec(TreeSpec):
    """The spec of a leaf."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(None)


_LEAF = LeafSpec()


def tree_is_leaf(tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether it is no container, or `is_leaf` says that it counts as none."""
    return (is_leaf is not None and is_leaf(tree)) or _get_node_type(tree) not in SUPPORTED_NODES


def _flatten_into(tree: PyTree, is_leaf: IsLeaf, leaves: list[object]) -> TreeSpec:
    if tree_is_leaf(tree, is_leaf):
        leaves.append(tree)
        return _LEAF
    kind = _get_node_type(tree)
    parts, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    return TreeSpec(kind, context, [_flatten_into(part, is_leaf, leaves) for part in parts])


def tree_flatten(tree: PyTree, is_leaf: IsLeaf = None) -> tuple[list[object], TreeSpec]:
    """The leaves of a tree, in order, and the containers around them."""
    leaves: list[object] = []
    spec = _flatten_into(tree, is_leaf, leaves)
    return leaves, spec


def _built(source: Iterator[object], spec: TreeSpec) -> PyTree:
    if spec.type is None:
        return next(source)
    parts = [_built(source, child) for child in spec.children_specs]
    result: PyTree = SUPPORTED_NODES[spec.type].unflatten_fn(parts, spec.context)
    return result


def tree_unflatten(leaves: Iterable[object], treespec: TreeSpec) -> PyTree:
    """The containers of `treespec` around these leaves. TypeError if it is no spec, ValueError
    unless there are as many leaves as it has."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"tree_unflatten(leaves, treespec): Expected `treespec` to be instance of TreeSpec but "
            f"got item of type {type(treespec)}."
        )
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec "
            f"refers to a pytree that holds {treespec.num_leaves} items ({treespec})."
        )
    return _built(iter(leaves), treespec)


def tree_iter(tree: PyTree, is_leaf: IsLeaf = None) -> Iterator[object]:
    """The leaves of a tree, one after the other."""
    if tree_is_leaf(tree, is_leaf):
        yield tree
        return
    for part in SUPPORTED_NODES[_get_node_type(tree)].flatten_fn(tree)[0]:
        yield from tree_iter(part, is_leaf)


def tree_leaves(tree: PyTree, is_leaf: IsLeaf = None) -> list[object]:
    """The leaves of a tree, in order."""
    return list(tree_iter(tree, is_leaf))


def tree_structure(tree: PyTree, is_leaf: IsLeaf = None) -> TreeSpec:
    """The containers of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: UserFunction, tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """The tree with `func` of each leaf; of further trees, which begin with the same containers,
    what stands at the same place are further arguments."""
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [spec.flatten_up_to(rest) for rest in rests]
    return _built((func(*row) for row in zip(leaves, *columns, strict=True)), spec)


def tree_map_(func: UserFunction, tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """`tree_map` for what `func` does; gives the tree itself."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _only(kind: object, func: UserFunction) -> UserFunction:
    wanted: UserFunction = functools.partial(_is_a, kind)
    return lambda x: func(x) if wanted(x) else x


def _is_a(kind: object, x: object) -> bool:
    """Of a type, of one of several, or what a function says True of."""
    if isinstance(kind, type) or not callable(kind):
        return isinstance(x, cast("type", kind))
    return bool(kind(x))


def tree_map_only(
    type_or_types_or_pred: object, func: UserFunction, tree: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    """The tree with `func` of each leaf of the type, of one of the types, or of which the
    predicate is true; other leaves stay."""
    return tree_map(_only(type_or_types_or_pred, func), tree, is_leaf=is_leaf)


def tree_map_only_(
    type_or_types_or_pred: object, func: UserFunction, tree: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    """`tree_map_only` for what `func` does; gives the tree itself."""
    return tree_map_(_only(type_or_types_or_pred, func), tree, is_leaf=is_leaf)


def tree_all(pred: UserFunction, tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of every leaf."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: UserFunction, tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of a leaf."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(
    type_or_types: object, pred: UserFunction, tree: PyTree, is_leaf: IsLeaf = None
) -> bool:
    """Whether `pred` is true of every leaf of these types."""
    return all(pred(x) for x in tree_iter(tree, is_leaf) if _is_a(type_or_types, x))


def tree_any_only(
    type_or_types: object, pred: UserFunction, tree: PyTree, is_leaf: IsLeaf = None
) -> bool:
    """Whether `pred` is true of a leaf of these types."""
    return any(pred(x) for x in tree_iter(tree, is_leaf) if _is_a(type_or_types, x))


def _with_path(tree: PyTree, is_leaf: IsLeaf, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if tree_is_leaf(tree, is_leaf):
        yield path, tree
        return
    kind = _get_node_type(tree)
    flatten = SUPPORTED_NODES[kind].flatten_with_keys_fn
    if flatten is None:
        raise ValueError(
            f"Did not find a flatten_with_keys_fn for type: {kind}. Please pass a "
            "flatten_with_keys_fn argument to register_pytree_node."
        )
    for key, part in flatten(tree)[0]:
        yield from _with_path(part, is_leaf, (*path, key))


def tree_leaves_with_path(tree: PyTree, is_leaf: IsLeaf = None) -> list[tuple[KeyPath, object]]:
    """The leaves of a tree, each behind its path from the top."""
    return list(_with_path(tree, is_leaf, ()))


def tree_flatten_with_path(
    tree: PyTree, is_leaf: IsLeaf = None
) -> tuple[list[tuple[KeyPath, object]], TreeSpec]:
    """The leaves with their paths, and the containers around them."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(
    func: UserFunction, tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    """`tree_map` of a function whose first argument is the path."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    columns = [spec.flatten_up_to(rest) for rest in rests]
    rows = zip(*zip(*found, strict=True), *columns, strict=True) if found else iter(())
    return _built((func(*row) for row in rows), spec)


def keystr(kp: KeyPath) -> str:
    """A path as it would be written behind the tree: `['a'][0]`."""
    return "".join(map(str, kp))


def key_get(obj: PyTree, kp: KeyPath) -> object:
    """What stands at a path."""
    for key in kp:
        obj = key.get(obj)
    return obj


def treespec_pprint(treespec: TreeSpec) -> str:
    """The containers of a spec, with an asterisk for each leaf."""
    return repr(tree_unflatten([_Asterisk()] * treespec.num_leaves, treespec))


class _Asterisk:
    def __repr__(self) -> str:
        return "*"


def broadcast_to_and_flatten(
    tree: PyTree, treespec: TreeSpec, is_leaf: IsLeaf = None
) -> list[object] | None:
    """The leaves of a tree whose containers may stop above those of `treespec`: each stands for
    all the leaves below it. None if the two do not fit; one kind of dict stands for another, and
    the order of keys does not count."""
    if tree_is_leaf(tree, is_leaf):
        return [tree] * treespec.num_leaves
    kind = _get_node_type(tree)
    parts, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    if kind in _DICTS and treespec.type in _DICTS:
        table, keys = cast("dict[object, object]", tree), _keys(treespec)
        if set(table) != set(keys):
            return None
        parts = [table[key] for key in keys]
    elif (kind, context, len(parts)) != (treespec.type, treespec.context, treespec.num_children):
        return None
    below = [broadcast_to_and_flatten(part, child, is_leaf)
             for part, child in zip(parts, treespec.children_specs, strict=True)]  # fmt: skip
    return None if None in below else [x for part in below for x in cast("list[object]", part)]

"""State that special methods read."""

import operator

from tests.capture.state.programs import replayed


class Number:
    """Every special method reads self.k."""

    def __init__(self, k):
        self.k = k

    def __add__(self, x):
        return x + self.k

    __radd__ = __add__

    def __mul__(self, x):
        return x * self.k

    __rmul__ = __mul__

    def __neg__(self):
        return -self.k

    def __getitem__(self, i):
        return self.k + i

    def __call__(self, x):
        return x * self.k

    def __len__(self):
        return int(self.k)

    def __bool__(self):
        return self.k > 3

    def __iter__(self):
        return iter([self.k, 2 * self.k])

    def __contains__(self, v):
        return v < self.k

    def __eq__(self, v):
        return v == self.k

    def __hash__(self):
        return 1

    def __lt__(self, v):
        return self.k < v

    def __float__(self):
        return float(self.k)

    def __int__(self):
        return int(self.k)

    def __index__(self):
        return int(self.k)

    def __enter__(self):
        return self.k

    def __exit__(self, *_):
        self.left = True

    def __getattr__(self, name):
        if name != "anything":
            raise AttributeError(name)
        return self.k + 1

    def __format__(self, spec):
        return str(self.k)

    def __str__(self):
        return str(self.k)

    def __abs__(self):
        return abs(self.k)

    def __round__(self, n=0):
        return round(self.k, n)

    def __pow__(self, n):
        return self.k**n

    def __matmul__(self, x):
        return x * self.k

    def __iadd__(self, v):
        return self.k + v

    def __reversed__(self):
        return iter([self.k])

    def __missing__(self, key):
        return self.k


def special(use):
    def program(cap):
        n = Number(2)
        yield cap(lambda x: use(n, x))
        n.k = 5
        yield
        n = Number(7)
        yield

    return program


def leaving(n, x):
    with n as k:
        return x * k


def added_in_place(n, x):
    n += 1
    return x * n


SPECIAL = {
    "add": lambda n, x: n + x,
    "radd": lambda n, x: 1.0 + n + x,
    "mul": lambda n, x: n * x,
    "neg": lambda n, x: x * -n,
    "getitem": lambda n, x: x * n[1],
    "call": lambda n, x: n(x),
    "len": lambda n, x: x * len(n),
    "bool": lambda n, x: x if n else -x,
    "bool_of_not": lambda n, x: x if not n else -x,
    "bool_of_and": lambda n, x: x * ((n and 2) or 3),
    "bool_of_while": lambda n, x: [x for _ in range(3) if n and x is not None],
    "bool_call": lambda n, x: x * bool(n),
    "iter": lambda n, x: x * sum(n),
    "iter_unpacked": lambda n, x: (lambda a, *b: x * a + b[0])(*n),
    "iter_in_a_comprehension": lambda n, x: [x * k for k in n],
    "contains": lambda n, x: x if 3 in n else -x,
    "eq": lambda n, x: x if n == 2 else -x,
    "lt": lambda n, x: x if n < 3 else -x,
    "gt_reflected": lambda n, x: x if 3 > n else -x,  # noqa: SIM300
    "min": lambda n, x: x * min(n, 4, key=float),
    "float": lambda n, x: x * float(n),
    "int": lambda n, x: x * int(n),
    "index": lambda n, x: x * [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0][n],
    "range": lambda n, x: [x for _ in range(n)],
    "slice": lambda n, x: x * sum([1.0, 2.0, 3.0, 4.0, 5.0][:n]),
    "with": leaving,
    "getattr": lambda n, x: x * n.anything,
    "getattr_by_function": lambda n, x: x * getattr(n, "anything"),  # noqa: B009
    "f_string": lambda n, x: x * float(f"{n}"),
    "str": lambda n, x: x * float(str(n)),
    "format": lambda n, x: x * float("{:>4}".format(n)),  # noqa: UP032
    "percent": lambda n, x: x * float("%s" % n),  # noqa: UP031
    "join": lambda n, x: x * float("".join(map(str, [n]))),
    "abs": lambda n, x: x * abs(n),
    "round": lambda n, x: x * round(n),
    "pow": lambda n, x: x * n**2,
    "matmul": lambda n, x: n @ x,
    "iadd": added_in_place,
    "reversed": lambda n, x: x * next(reversed(n)),
    "sorted_by_key": lambda n, x: x * sorted([1, 6], key=lambda v: abs(v - n.k))[0],
    "dict_key": lambda n, x: x * {Number(2): 3.0}.get(n, 1.0),
    "in_a_list": lambda n, x: x if 2 in [n] else -x,
    "any": lambda n, x: x if any([n]) else -x,
    "filter": lambda n, x: x * len(list(filter(None, [n]))),
    "map": lambda n, x: [x * k for k in map(float, [n])],
    "zip": lambda n, x: [x * k for k, _ in zip(n, "ab", strict=True)],
    "enumerate": lambda n, x: [x * k + i for i, k in enumerate(n)],
    "list": lambda n, x: x * list(n)[-1],
    "tuple_in_an_operation": lambda n, x: x.reshape(tuple(n)[:1] and (2,)) * tuple(n)[1],
    "max_of_two": lambda n, x: x * max(n),
    "starred": lambda n, x: x * [*n, 1.0][0],
    "divmod_by_operator": lambda n, x: x * operator.mul(n, 1.0),
    "operator_index": lambda n, x: x * operator.index(n),
    "isinstance_only": lambda n, x: x * n.k if isinstance(n, Number) else x,
}
for name, use in SPECIAL.items():
    script = special(use)
    script.__name__ = f"special_{name}"
    script.__module__ = __name__
    replayed(script)

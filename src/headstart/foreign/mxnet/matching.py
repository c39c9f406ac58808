"""Which array of a parameter file belongs to which variable of a graph.

``export`` writes the variables' own names, and nothing needs guessing. ``save_parameters`` writes the attribute
paths of the Python classes (``dense_0.weight``, ``rnn._unfused.0.l_cell.i2h_weight``), which the graph does not
know. Then both sides are put in layers (a weight and its bias; the gamma, beta and statistics of a normalisation;
all of a recurrent layer), and layers are matched that have the same kinds of parameters. Where several have, the
assignment that fits all shapes of the graph is taken, if there is just one. Layers of equal shapes are matched in
order only if both sides number them (``dense_0, dense_1`` and ``dense0, dense1``); else the file is refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from headstart.arrays import Array
from headstart.errors import ArtifactError
from headstart.nets.mxnet.symbol import Symbol

_PARAMETER = re.compile(
    r"(?P<layer>.*?)(?:^|_)(?:(?P<cell>[lr]\d+)_)?"
    r"(?P<role>(?:i2h|h2h)_(?:weight|bias)|weight|bias|gamma|beta|(?:running|moving)_(?:mean|var)|alpha)"
)
_UNFUSED = re.compile(r"(?:^|(?<=\.))_unfused\.(\d+)\.(?:([lr])_cell\.)?")
_MOST_CANDIDATES = 200

Fits = Callable[[Mapping[str, Array]], bool]


@dataclass(frozen=True)
class _Layer:
    """The parameters that belong together, by role: ``"weight"``, or ``"l0_i2h_weight"`` in a recurrent layer."""

    name: str
    members: Mapping[str, str]

    @property
    def roles(self) -> tuple[str, ...]:
        """What its parameters do, sorted: layers of equal roles are of one kind."""
        return tuple(sorted(self.members))


def match_parameters(symbol: Symbol, arrays: Mapping[str, Array], fits: Fits) -> tuple[dict[str, Array], str]:
    """Return the arrays by the names of the graph's variables, and in words how they were matched.

    Args:
        symbol: the graph.
        arrays: what `read_params` gave.
        fits: says whether an assignment fits the graph's shapes.

    Raises:
        ArtifactError: if there is no assignment that fits, or more than one.
    """
    plain = _without_kinds(arrays)
    variables = set(symbol.variables)
    if variables & plain.keys():
        return {name: array for name, array in plain.items() if name in variables}, "by name"
    prefixed = _by_suffix(symbol, plain)
    if prefixed:
        return prefixed, "by name, behind the prefix that the graph puts before all"
    fitting = [made for made in _assignments(symbol, plain) if fits(made)]
    if len(fitting) == 1:
        return fitting[0], "by layer: the file holds attribute paths, and one assignment fits the shapes"
    raise _refused(symbol, plain, f"{len(fitting) or 'none'} of the possible assignments fit the graph's shapes")


def _without_kinds(arrays: Mapping[str, Array]) -> dict[str, Array]:
    plain: dict[str, Array] = {}
    for name, array in arrays.items():
        short = name.removeprefix("arg:").removeprefix("aux:")
        if short in plain:
            raise ArtifactError(
                f"the parameter file holds {short!r} both as a parameter and as a running statistic; export it again."
            )
        plain[short] = array
    return plain


def _by_suffix(symbol: Symbol, plain: Mapping[str, Array]) -> dict[str, Array]:
    """Match ``dense0_weight`` to ``net0_dense0_weight`` where one prefix does for all."""
    prefixes = [{v.removesuffix(name) for v in symbol.variables if v.endswith(name)} for name in plain]
    shared = set.intersection(*prefixes) if prefixes else set()
    return {next(iter(shared)) + name: array for name, array in plain.items()} if len(shared) == 1 else {}


def _layers(names: Iterable[str]) -> list[_Layer]:
    layers: dict[str, dict[str, str]] = {}
    for name in names:
        plain = _UNFUSED.sub(lambda found: f"{found[2] or 'l'}{found[1]}_", name).replace(".", "_")
        match = _PARAMETER.fullmatch(plain)
        if match is not None:
            role = match["role"].replace("moving", "running")
            layers.setdefault(match["layer"], {})[f"{match['cell']}_{role}" if match["cell"] else role] = name
    return [_Layer(name, members) for name, members in layers.items()]


def _assignments(symbol: Symbol, plain: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    in_graph, in_file = _layers(symbol.variables), _layers(plain)
    if sum(len(layer.members) for layer in in_file) != len(plain):
        raise _refused(symbol, plain, "the file holds names that no layer of Gluon gives its parameters")
    per_kind = []
    for roles in dict.fromkeys(layer.roles for layer in (*in_graph, *in_file)):
        ours, theirs = ([layer for layer in side if layer.roles == roles] for side in (in_graph, in_file))
        if len(ours) != len(theirs):
            raise _refused(
                symbol, plain, f"the graph has {len(ours)} layers with {', '.join(roles)}, the file {len(theirs)}"
            )
        per_kind.append([list(zip(ours, order, strict=True)) for order in _orders(symbol, plain, ours, theirs)])
    for chosen in itertools.product(*per_kind):
        pairs = (pair for kind in chosen for pair in kind)
        yield {ours.members[role]: plain[theirs.members[role]] for ours, theirs in pairs for role in ours.roles}


def _orders(
    symbol: Symbol, plain: Mapping[str, Array], ours: Sequence[_Layer], theirs: Sequence[_Layer]
) -> list[tuple[_Layer, ...]]:
    """Return the orders of `theirs` that differ in shape, layers of equal shapes kept in their own order."""
    shapes = [tuple(plain[layer.members[role]].shape for role in layer.roles) for layer in theirs]
    for shape in {shape for shape in shapes if shapes.count(shape) > 1}:
        alike = [layer.name for layer, own in zip(theirs, shapes, strict=True) if own == shape]
        if not (_numbered(alike) and _numbered([layer.name for layer in ours])):
            raise _refused(symbol, plain, f"the layers {', '.join(map(repr, alike))} have equal shapes and no numbers")
    distinct: dict[tuple[object, ...], tuple[_Layer, ...]] = {}
    for order in itertools.islice(itertools.permutations(range(len(theirs))), _MOST_CANDIDATES):
        distinct.setdefault(tuple(shapes[i] for i in order), tuple(theirs[i] for i in order))
    return list(distinct.values())


def _numbered(names: Sequence[str]) -> bool:
    """Whether the names differ in a number only, which rises."""
    numbers = [re.findall(r"\d+", name)[-1:] for name in names]
    stems = {re.sub(r"\d+(?=\D*$)", "#", name) for name in names}
    rising = [int(number[0]) for number in numbers if number]
    return len(stems) == 1 and len(rising) == len(names) and rising == sorted(set(rising))


def _refused(symbol: Symbol, plain: Mapping[str, Array], reason: str) -> ArtifactError:
    return ArtifactError(
        f"the parameter file's names ({', '.join(list(plain)[:4])}, ...) are not the graph's "
        f"({', '.join(symbol.variables[:4])}, ...), and they cannot be matched by layer: {reason}. "
        "Use the PREFIX-0000.params that MXNet's export wrote next to the graph."
    )

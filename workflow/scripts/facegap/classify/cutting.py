"""Where a network is cut: the part before its last weight layers, and the rest, whatever it is."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from facegap.errors import TrainingError

WEIGHTED = (nn.Conv2d, nn.Linear)
Leaves = tuple[tuple[type[nn.Module], ...], tuple[Callable[..., Any], ...]]  # not looked into


class _Pooled(nn.Module):
    """A body fed images alone, whatever else it could take, and pooled where it is not."""

    def __init__(self, body: nn.Module, *, pooled: bool) -> None:
        super().__init__()
        self.body, self._pooled = body, pooled

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.body(images)
        return found if self._pooled else found.mean((2, 3))


class _Tracer(fx.Tracer):
    def __init__(
        self, modules: tuple[type[nn.Module], ...], functions: tuple[Callable[..., Any], ...]
    ) -> None:
        super().__init__(autowrap_functions=functions)
        self._modules = modules

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = isinstance(m, (*WEIGHTED, *self._modules))
        return known or super().is_leaf_module(m, module_qualified_name)


class _Kinds(fx.Interpreter):
    """Runs a graph and notes which of its nodes are tensors that the image decides, and all sizes.

    Sizes of tensors are none, and neither are parameters and what is made of them and of sizes.
    """

    def __init__(self, whole: fx.GraphModule) -> None:
        super().__init__(whole)
        self.features: dict[fx.Node, int] = {}  # and how many rows they have
        self.sizes: dict[fx.Node, Any] = {}
        self._seen: set[fx.Node] = set()  # features, and tuples of them

    def run_node(self, n: fx.Node) -> Any:
        found = super().run_node(n)
        of_image = n.op == "placeholder" or not self._seen.isdisjoint(n.all_input_nodes)
        parts = found if isinstance(found, tuple | list) else [found]
        if of_image and any(isinstance(part, Tensor) for part in parts):
            self._seen.add(n)
            if isinstance(found, Tensor):
                self.features[n] = len(found) if found.dim() else 0
        elif all(isinstance(part, int) for part in parts):
            self.sizes[n] = tuple(parts) if isinstance(found, tuple) else found
        return found


def _size(feature: Tensor, rows: int, one: Any, two: Any) -> Any:
    """A size (a number, or several) of as many faces as `feature` has `rows` of each; of one and
    of two faces it is `one` and `two`.
    """
    more = len(feature) // rows - 1
    if isinstance(one, tuple | list):
        each = (a + more * (b - a) for a, b in zip(one, two, strict=True))
        return list(each) if isinstance(one, list) else tuple(each)
    return one + more * (two - one)


def cut(
    body: nn.Module,
    layers: int,
    images: Tensor,
    *,
    pooled: bool = False,
    leaves: Leaves = ((), ()),
) -> tuple[nn.Module, nn.Module]:
    """The part of `body` before its last `layers` weight layers, and the rest with the pooling.

    The first gives the tuple of tensors that the second takes, whatever the graph between them.
    `images` (2, 3, h, w) are run through the body, and the first of them alone. What they do not
    decide is found again in the second part, of whole batches: so are sizes, from any one tensor,
    or whole maps would be handed on for the sake of how many there are.
    """
    root = _Pooled(body, pooled=pooled)
    whole = fx.GraphModule(root, _Tracer(*leaves).trace(root)).eval()
    nodes = list(whole.graph.nodes)
    calls = [node for node in nodes if isinstance(_module(whole, node), WEIGHTED)]
    first = {node.target: node for node in reversed(calls)}  # calls of layers that several share
    weighted = sorted(first.values(), key=nodes.index)
    if layers > len(weighted):
        raise TrainingError(
            f"classify.features.unfrozen_layers: {layers}, but the body has {len(weighted)} weight"
            " layers"
        )
    at = nodes.index(weighted[-layers])
    before, after = nodes[:at], set(nodes[at:])
    one, two = _Kinds(whole), _Kinds(whole)
    with torch.no_grad():
        one.run(images[:1])
        two.run(images)
    sizes = {}
    for node in reversed(before):
        if node not in one.features and set(node.users) & after:
            if node in one.sizes:
                sizes[node] = (one.sizes[node], two.sizes[node])
            else:
                after.add(node)
    live = [node for node in one.features if node in before and node not in after]
    live = [node for node in live if set(node.users) & after]
    rest = [node for node in nodes if node in after]
    trunk = _part(whole, [], before, live)
    tail = _part(whole, live, rest, None, sizes, one.features[live[0]])
    tail.meta["layers"] = [node.target for node in weighted[-layers:]]
    return trunk, tail


def _module(whole: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return whole.get_submodule(str(node.target)) if node.op == "call_module" else None


def _part(
    whole: fx.GraphModule,
    given: list[fx.Node],
    nodes: list[fx.Node],
    left: list[fx.Node] | None,
    sizes: Mapping[fx.Node, tuple[Any, Any]] | None = None,
    rows: int = 1,
) -> fx.GraphModule:
    """The `nodes` as a module of their own, fed `given`, whose result is `left`, or their own.

    `sizes` are of one and of two faces; the first of `given` has `rows` of each.
    """
    graph = fx.Graph()
    copies = {node: graph.placeholder(node.name) for node in given}
    for node, (one, two) in (sizes or {}).items():
        copies[node] = graph.call_function(_size, (copies[given[0]], rows, one, two))
    for node in nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    if left is not None:
        graph.output(tuple(copies[node] for node in left))
    return fx.GraphModule(whole, graph).eval()


def trainable(tail: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of the tail's last weight layers, by name; none that are called before it.

    Batch normalisation keeps its statistics and its scales: it is no weight layer, and batches
    of a small set would spoil the statistics.
    """
    layers: list[str] = vars(tail)["meta"]["layers"]
    return {
        f"{place}.{name}": parameter
        for place, module in tail.named_modules()
        if isinstance(module, WEIGHTED) and place in layers
        for name, parameter in module.named_parameters()
    }

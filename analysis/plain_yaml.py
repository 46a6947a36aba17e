"""YAML as data and nothing else: plain values, every key once, and no document that grows when it is read.

Safe loading alone runs no code, but lets a few lines of aliases stand for gigabytes, a list hold itself, and dates,
sets and bytes into settings that are text and numbers.
"""

import re
from typing import Any

import yaml

MOST_VALUES, DEEPEST, LONGEST_NUMBER = 200_000, 60, 400
"""Values with every alias written out; levels; characters of a number. Study files have some hundred, six and ten."""
STANDARD = "tag:yaml.org,2002:"
PLAIN = frozenset(STANDARD + name for name in ("str", "int", "float", "bool", "null", "seq", "map", "merge"))
TIMESTAMP = f"{STANDARD}timestamp"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class PlainLoader(yaml.SafeLoader):
    """Builds mappings with plain words as keys, lists, texts, numbers, truth values and null; dates stay texts."""

    yaml_implicit_resolvers = {  # noqa: RUF012, as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def get_single_node(self) -> yaml.Node | None:
        """Compose the document and refuse what is no plain data, before anything is built from it."""
        node = super().get_single_node()
        if node is not None:
            _size(node, {}, set())
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, refusing a repeated key: the last one would win in silence."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refusal("a key must be a plain word", key)
            if key.value in seen:
                raise _refusal(f"{key.value!r} stands twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(text: str) -> Any:
    """Return the plain data of a YAML text.

    Raises:
        yaml.YAMLError: it is not YAML, or not plain data; `problem` says what, `problem_mark` where.
    """
    try:
        return yaml.load(text, Loader=PlainLoader)
    except RecursionError as error:
        raise yaml.MarkedYAMLError(problem="nested too deeply") from error
    except ValueError as error:
        raise yaml.MarkedYAMLError(problem=f"a value cannot be read ({' '.join(str(error).split())[:100]})") from error


def _size(node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """Return how many values a node stands for, each alias counted in full."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in above:
        raise _refusal("a value cannot hold itself", node)
    if len(above) >= DEEPEST:
        raise _refusal("nested too deeply", node)
    if node.tag not in PLAIN:
        raise _refusal(f"{ascii(node.tag)[1:60]} is no plain value; texts, numbers, lists and mappings are", node)
    above.add(id(node))
    size = 1 + sum(_size(part, known, above) for part in _parts(node))
    above.discard(id(node))
    if size > MOST_VALUES:
        raise _refusal(f"more than {MOST_VALUES:,} values, its aliases written out", node)
    known[id(node)] = size
    return size


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    _check_scalar(node)
    return []


def _check_scalar(node: yaml.Node) -> None:
    if node.tag.endswith((":int", ":float")) and len(node.value) > LONGEST_NUMBER:
        raise _refusal("the number is too long", node)
    if CONTROL.search(node.value):
        raise _refusal("a text has a control character", node)


def _refusal(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)

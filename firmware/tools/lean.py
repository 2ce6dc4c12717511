"""Makes sources smaller for the board without changing what they do there.

The tables of `controller` carry prose and names for documents and for the host. On the board they would
take a fifth of the heap, so what nothing on the board reads is left out. Comments and docstrings go
anyway when mpy-cross compiles. The digests of times and protocol are not over any of this; the tests
compare them.
"""

import ast
from collections.abc import Mapping


def bare(source: str) -> str:
    """Return a module without comments and docstring: the board reads boot.py before HALT is low."""
    tree = ast.parse(source)
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    return ast.unparse(tree) + "\n"


def lean(sources: Mapping[str, str]) -> dict[str, str]:
    """Return the sources, by name, without prose in tables and without tables that none of them reads."""
    trees = {name: ast.parse(source) for name, source in sources.items()}
    for tree in trees.values():
        _drop_prose(tree)
    while any([_drop_unread(tree, _read_names(trees)) for tree in trees.values()]):
        pass  # a table may have been read by another one that has just gone
    return {name: ast.unparse(tree) for name, tree in trees.items()}


def _drop_prose(tree: ast.Module) -> None:
    """Empty the strings that contain a blank, inside tuples that the module assigns to a name."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    part.value = "" if " " in part.value else part.value


def _read_names(trees: Mapping[str, ast.Module]) -> set[str]:
    """Return every name that is read, taken as an attribute or imported anywhere."""
    names: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.alias):
                names.add(node.name)
    return names


def _drop_unread(tree: ast.Module, read: set[str]) -> bool:
    """Take out assignments of tables to one unread name; return True when there were any."""
    kept = [node for node in tree.body if not (_is_table(node) and _target(node) not in read)]
    dropped = len(kept) < len(tree.body)
    tree.body = kept
    return dropped


def _is_table(node: ast.stmt) -> bool:
    """Return True for NAME = something that cannot do anything when it is evaluated."""
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
        return False
    value = node.value
    if isinstance(value, ast.Call):  # tuple([... for ... in ...])
        return isinstance(value.func, ast.Name) and value.func.id == "tuple"
    return isinstance(value, (ast.Tuple, ast.Dict, ast.DictComp, ast.ListComp, ast.Constant))


def _target(node: ast.stmt) -> str:
    assert isinstance(node, ast.Assign)
    assert isinstance(node.targets[0], ast.Name)
    return node.targets[0].id

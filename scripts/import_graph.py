"""Which module imports which, read from the source; and where imports run in circles."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path


def modules(root: Path, package: str) -> dict[str, Path]:
    """Return the modules of ``package``, a folder in ``root``, by dotted name.

    A package itself (its ``__init__.py``) has the name of its folder.

    Raises:
        FileNotFoundError: There is no module.
    """
    found = {_name(path.relative_to(root)): path for path in (root / package).rglob('*.py')}
    if not found:
        raise FileNotFoundError(f'no module in {root / package}')
    return found


def _name(path: Path) -> str:
    parts = path.with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imports(path: Path, name: str, known: Collection[str]) -> set[str]:
    """Return which of the ``known`` modules the file of module ``name`` imports, wherever it does.

    Imports in functions and under TYPE_CHECKING count. That Python runs the parents of a module
    first does not: ``import a.b`` leads to ``a.b`` alone.
    """
    package = name if path.name == '__init__.py' else name.rpartition('.')[0]
    tree = ast.parse(path.read_text(encoding='utf-8'), str(path))
    return {target for node in ast.walk(tree) for target in _targets(node, package, known)}


def _targets(node: ast.AST, package: str, known: Collection[str]) -> Iterator[str]:
    """Yield the known modules that a node of a syntax tree imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
    elif isinstance(node, ast.ImportFrom):
        base = '.'.join(filter(None, (_parent(package, node.level), node.module)))
        for alias in node.names:
            names = f'{base}.{alias.name}', base
            yield from [module for module in names if module in known][:1]


def _parent(package: str, level: int) -> str:
    """Return the package that so many leading dots mean; '' for none."""
    return '.'.join(package.split('.')[: 1 - level or None]) if level else ''


def graph(known: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return what each module imports of the others."""
    return {name: imports(path, name, known) for name, path in known.items()}


def circles(graph: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Return the knots: modules that reach each other, and those that import themselves."""
    reached = {name: _reached(graph, name) for name in graph}
    knots = {
        tuple(sorted(other for other in there if name in reached.get(other, ())))
        for name, there in reached.items()
        if name in there
    }
    return [list(knot) for knot in sorted(knots)]


def _reached(graph: Mapping[str, Collection[str]], start: str) -> set[str]:
    """Return where the imports of ``start`` lead; itself if they come back."""
    found: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += graph.get(name, ())
    return found

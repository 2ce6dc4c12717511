"""Mutation tests of controller/: every mutant must be caught by a portable case.

    python -m tools.mutation [--sample N] [--only MODULE] [--jobs N]

mutmut (3.x) copies functions behind a trampoline, so it leaves module-level tables alone, and
most of controller/ is tables; cosmic-ray starts one pytest per mutant, which takes hours here.
So this file changes one node of one module's syntax tree at a time, in a forked process that
has not imported `controller` yet, and runs the portable cases there, the nearest file first.

A verdict is what the worker writes on its pipe: killed, by which case, or survived. A worker
that ends without a verdict (signal, out of memory) is an infrastructure error: the run fails
with exit code 2 and no score. A mutant that loops is stopped inside its worker by a timer and
counts as killed, by name. Known survivors are listed in tools/mutation_survivors.py by their
code, each with a reason; one that is listed and gets killed is reported too.
"""

import argparse
import ast
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.mutation_survivors import EQUIVALENT

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = 0.95
PORTABLE = "tests.controller.portable"
# s. All cases take about 4 s; a mutant that needs several times as long loops.
LOOP_LIMIT_S = 20
# s. The worker's own timer comes first; one that outlives this is stuck below Python.
STUCK_LIMIT_S = 90

SWAPS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


# Seconds that each case took without a mutant: the quick ones are run first.
took_s: dict[str, float] = {}


@dataclass(frozen=True)
class Mutant:
    """One change: `before` and `after` are whole statements, without line numbers."""

    module: str
    where: str
    before: str
    after: str
    line: int
    place: int  # number of the change within the module

    @property
    def code(self) -> str:
        return f"{self.module}.{self.where}: {self.before} -> {self.after}"


class Mutator(ast.NodeTransformer):
    """Applies change number `wanted`, or only counts when that is None."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted = wanted
        self.count = 0
        self.sites: list[tuple[str, int, int]] = []  # scope, statement, line
        self._scope: list[str] = []
        self.statement = 0
        self._line = 0
        self._statements = 0
        self.changed_statement = 0

    def _hit(self) -> bool:
        """Pass one possible change; return True when it is the wanted one."""
        here = self.count
        self.count += 1
        self.sites.append((".".join(self._scope) or "(module)", self.statement, self._line))
        return here == self.wanted

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.stmt):
            self._statements += 1
            outer = self.statement, self._line
            self.statement, self._line = self._statements, node.lineno
            result = self._visit_statement(node)
            self.statement, self._line = outer
            return result
        return super().visit(node)

    def _visit_statement(self, node: ast.stmt) -> ast.AST:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            self._scope.append(node.name)
            body = node.body
            if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                kept, node.body = body[:1], body[1:]
            else:
                kept = []
            result = self.generic_visit(node)
            assert isinstance(result, ast.FunctionDef | ast.ClassDef)
            result.body = kept + result.body
            self._scope.pop()
            return result
        if isinstance(node, ast.Import | ast.ImportFrom):
            return node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return node
        removable = isinstance(node, ast.Expr | ast.AugAssign | ast.Continue)
        if isinstance(node, ast.Assign):
            removable = isinstance(node.targets[0], ast.Attribute | ast.Subscript)
        if removable and self._hit():
            return ast.copy_location(ast.Pass(), node)
        # `return False` is left to visit_Constant: None instead is the same to an `if`.
        value = node.value if isinstance(node, ast.Return) else None
        if value is not None and not isinstance(value, ast.Constant) and self._hit():
            return ast.copy_location(ast.Return(ast.Constant(None)), node)
        if isinstance(node, ast.If) and self._hit():
            node.test = ast.UnaryOp(ast.Not(), node.test)
            return node
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value = node.value
        if isinstance(value, bool):
            return ast.Constant(not value) if self._hit() else node
        if isinstance(value, int):
            return ast.Constant(value + 1) if self._hit() else node
        if isinstance(value, bytes) and value:
            return ast.Constant(b"?" + value[1:]) if self._hit() else node
        # Text with spaces is for people; a name, a layout or a pattern is for the program.
        if isinstance(value, str) and value and " " not in value:
            return ast.Constant("?" + value[1:]) if self._hit() else node
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if type(node.op) in SWAPS and not _is_text(node.left) and self._hit():
            node.op = SWAPS[type(node.op)]()
            return node
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if type(node.op) in SWAPS and self._hit():
            node.op = SWAPS[type(node.op)]()
            return node
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        for place, operator in enumerate(node.ops):
            if self._hit():
                node.ops[place] = SWAPS[type(operator)]()
                return node
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        if self._hit():
            node.op = SWAPS[type(node.op)]()
            return node
        for place in range(len(node.values)):
            if self._hit():
                del node.values[place]
                return node.values[0] if len(node.values) == 1 else node
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.op, ast.Not | ast.Invert) and self._hit():
            return node.operand
        return self.generic_visit(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def modules() -> list[str]:
    """Return the names of the modules under test."""
    return sorted(path.stem for path in (ROOT / "controller").glob("*.py") if path.stem[0] != "_")


def source(module: str) -> str:
    return (ROOT / "controller" / f"{module}.py").read_text()


def mutate(module: str, place: int) -> tuple[ast.Module, Mutator]:
    """Return the module's tree with change number `place` made."""
    mutator = Mutator(place)
    tree = mutator.visit(ast.parse(source(module)))
    assert isinstance(tree, ast.Module)
    return ast.fix_missing_locations(tree), mutator


def mutants(module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    counter = Mutator()
    plain = ast.unparse(counter.visit(ast.parse(source(module)))).splitlines()
    for place, (where, _statement, line) in enumerate(counter.sites):
        tree, _ = mutate(module, place)
        changed = ast.unparse(tree).splitlines()
        before, after = _difference(plain, changed)
        yield Mutant(module, where, before, after, line, place)


def _difference(plain: list[str], changed: list[str]) -> tuple[str, str]:
    first = 0
    while first < min(len(plain), len(changed)) and plain[first] == changed[first]:
        first += 1
    last = 0
    shorter = min(len(plain), len(changed)) - first
    while last < shorter and plain[len(plain) - 1 - last] == changed[len(changed) - 1 - last]:
        last += 1
    before = " ".join(text.strip() for text in plain[first : len(plain) - last])
    after = " ".join(text.strip() for text in changed[first : len(changed) - last])
    return _shorten(before, after or "(nothing)")


def _shorten(before: str, after: str) -> tuple[str, str]:
    """Cut two long statements down to where they differ, so that a code stays readable."""
    if len(before) < 200:
        return before, after
    first = len(os.path.commonprefix([before, after]))
    last = len(os.path.commonprefix([before[first:][::-1], after[first:][::-1]]))
    left = max(first - 60, 0)
    right = max(last - 20, 0)
    return before[left : len(before) - right], after[left : len(after) - right]


# -- the worker: a process of its own for each mutant --------------------------------------------


class Looped(BaseException):
    """The worker's own timer: no `except Exception` of the code under test catches it."""


def _on_timer(_number: int, _frame: object) -> None:
    raise Looped


def work(mutant: Mutant | None) -> str:
    """Import `controller` with the mutant in it and run the cases; return the verdict."""
    signal.signal(signal.SIGALRM, _on_timer)
    signal.alarm(LOOP_LIMIT_S)
    case = "import"
    for name in [name for name in sys.modules if name.startswith(("controller", PORTABLE))]:
        del sys.modules[name]
    if mutant is not None:
        _plant(mutant)
    try:
        for name, function in _cases(mutant.module if mutant else ""):
            case = name
            begun = time.monotonic()
            function()
            took_s[case] = time.monotonic() - begun
    except Looped:
        return f"killed by {case} (looped)"
    except MemoryError:
        raise
    except (Exception, SystemExit):  # noqa: BLE001  a mutant may fail in any way
        return f"killed by {case}"
    finally:
        signal.alarm(0)
    return "survived" if mutant is not None else json.dumps(took_s)


def _plant(mutant: Mutant) -> None:
    tree, _ = mutate(mutant.module, mutant.place)
    name = f"controller.{mutant.module}"
    code = compile(tree, f"{name} (mutant)", "exec")

    class Finder:
        """Gives the mutant instead of the file."""

        @staticmethod
        def find_spec(wanted: str, _path: object, _target: object = None) -> object:
            from importlib.machinery import ModuleSpec

            return ModuleSpec(name, Finder) if wanted == name else None  # type: ignore[arg-type]

        @staticmethod
        def create_module(_spec: object) -> None:
            return None

        @staticmethod
        def exec_module(module: object) -> None:
            exec(code, vars(module))

    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]


def _cases(module: str) -> Iterator[tuple[str, Callable[[], None]]]:
    from importlib import import_module

    folder = ROOT / "tests" / "controller" / "portable"
    found = {}
    for path in sorted(folder.glob("test_*.py")):
        file = import_module(f"{PORTABLE}.{path.stem}")
        for case, function in vars(file).items():
            if case.startswith("test_"):
                found[f"{path.stem}.{case}"] = function
    # The nearest file first, since most mutants die there; then the quick cases.
    near = f"test_{module}."
    order = sorted(found, key=lambda name: (not name.startswith(near), took_s.get(name, 0.0)))
    for name in order:
        yield name, found[name]


def spawn(mutant: Mutant | None) -> tuple[int, int]:
    """Fork a worker; return its process id and the pipe that its verdict comes from."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_fd)
        return pid, read_fd
    status = 70
    try:
        os.close(read_fd)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        verdict = work(mutant)
        os.write(write_fd, verdict.encode())
        status = 0
    except BaseException:  # noqa: BLE001  whatever it is, it is no verdict
        traceback.print_exc()
    finally:
        os._exit(status)


def verdict_of(pid: int, read_fd: int) -> str:
    """Return the verdict of a worker that has closed its pipe; "" is an infrastructure error."""
    text = os.read(read_fd, 65536).decode()
    os.close(read_fd)
    _, status = os.waitpid(pid, 0)
    return text if status == 0 else ""


def judge(wanted: list[Mutant], jobs: int) -> Iterator[tuple[Mutant, str]]:
    """Run all mutants, `jobs` at a time; yield each with its verdict."""
    waiting = list(reversed(wanted))
    running: dict[int, tuple[int, Mutant, float]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            pid, read_fd = spawn(mutant)
            running[read_fd] = (pid, mutant, time.monotonic())
        ready, _, _ = select.select(list(running), [], [], 1.0)
        for read_fd in ready:
            pid, mutant, _ = running.pop(read_fd)
            verdict = verdict_of(pid, read_fd)
            if not verdict.startswith("killed"):
                print(f"{verdict or 'no verdict'}: {mutant.code}", file=sys.stderr, flush=True)
            yield mutant, verdict
        for read_fd, (pid, _mutant, since_s) in list(running.items()):
            if time.monotonic() - since_s > STUCK_LIMIT_S:
                os.kill(pid, signal.SIGKILL)  # its pipe closes, without a verdict
                running[read_fd] = (pid, _mutant, time.monotonic())


def report(verdicts: list[tuple[Mutant, str]], whole: bool) -> int:
    """Print score and survivors; return the exit code."""
    broken = [mutant for mutant, verdict in verdicts if not verdict]
    survivors = [mutant for mutant, verdict in verdicts if verdict == "survived"]
    known = {mutant.code for mutant in survivors if mutant.code in EQUIVALENT}
    for mutant in survivors:
        reason = EQUIVALENT.get(mutant.code)
        print(f"survived  {mutant.code}  (line {mutant.line})")
        print(f"          {reason or 'NOT LISTED in tools/mutation_survivors.py'}")
    stale = set(EQUIVALENT) - known if whole else set()
    for code in sorted(stale):
        print(f"listed, but did not survive: {code}")
    if broken:
        for mutant in broken:
            print(f"no verdict: {mutant.code}")
        print(f"infrastructure error: {len(broken)} workers ended without a verdict; no score")
        return 2
    looped = sum("(looped)" in verdict for _, verdict in verdicts)
    killed = len(verdicts) - len(survivors)
    score = killed / len(verdicts) if verdicts else 0.0
    unknown = len(survivors) - len(known)
    print(
        f"{len(verdicts)} mutants, {killed} killed ({looped} looped), {len(survivors)} survived, "
        f"{unknown} of them unlisted: {score:.1%} (at least {REQUIRED:.0%})"
    )
    return 0 if score >= REQUIRED and not unknown and not stale else 1


def main() -> int:
    parser = argparse.ArgumentParser(description="mutation tests of controller/")
    parser.add_argument("--sample", type=int, help="only so many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=modules(), help="only this module")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    pid, read_fd = spawn(None)
    verdict = verdict_of(pid, read_fd)
    if not verdict.startswith("{"):
        print(f"the cases fail without a mutant: {verdict or 'no verdict'}")
        return 2
    took_s.update(json.loads(verdict))
    wanted = [mutant for module in options.only or modules() for mutant in mutants(module)]
    whole = not options.only and options.sample is None
    if options.sample is not None:
        wanted = random.Random(options.seed).sample(wanted, min(options.sample, len(wanted)))
    return report(list(judge(wanted, options.jobs)), whole)


if __name__ == "__main__":
    sys.exit(main())

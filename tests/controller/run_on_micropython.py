"""Runs the portable cases on MicroPython: `micropython run_on_micropython.py [MODULE ...]`.

MICROPYPATH names the repository. Exit code 1 when a case fails, 2 when there is none.
"""

import os
import sys

FOLDER = "tests/controller/portable"


def modules():
    """Return the names of all case files, sorted."""
    return sorted([name[:-3] for name in os.listdir(FOLDER) if name.startswith("test_")])


def cases(module_name):
    """Import a case file; return its module and the names of its cases."""
    name = FOLDER.replace("/", ".") + "." + module_name
    __import__(name)
    module = sys.modules[name]
    return module, [case for case in sorted(dir(module)) if case.startswith("test_")]


def main(names):
    ran = failed = 0
    for name in names or modules():
        module, found = cases(name)
        for case in found:
            ran += 1
            try:
                getattr(module, case)()
            except Exception as error:  # noqa: BLE001  a case may fail in any way
                failed += 1
                print("FAILED %s.%s" % (name, case))
                if hasattr(sys, "print_exception"):
                    sys.print_exception(error)
    version = ".".join([str(part) for part in sys.implementation[1][:3]])
    print("%d cases, %d failed, on %s %s" % (ran, failed, sys.implementation[0], version))
    sys.exit(1 if failed else 0 if ran else 2)


main(sys.argv[1:])

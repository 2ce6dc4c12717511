"""Builds the compiled core; everything else is declared in pyproject.toml."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HOTPATH = Path("host/hotpath")
RIG = Path("rig/virtual")  # the pins of the virtual bench
MODELS = Path("host/models")

extensions = [
    Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        include_dirs=[str(HOTPATH)],
        depends=[str(HOTPATH / "atomics.h")],
        extra_compile_args=["-std=c11", "-O2", "-Wall"],
    )
    for source in sorted([*HOTPATH.glob("*.pyx"), *RIG.glob("*.pyx"), *MODELS.glob("*.pyx")])
]

setup(ext_modules=cythonize(extensions, language_level=3))

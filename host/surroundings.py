"""The environment that each process of the host is started in: what it needs, and nothing else.

Names of variables; a `*` at the end stands for any rest. An API key is in the environment of the one
process that signs with it, or of none, where it is in a file.
"""

from collections.abc import Iterable, Mapping

from host import allocator

EVERYBODY = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
    "PYTHON*", "VIRTUAL_ENV", "COVERAGE_*", "LD_*", "MIMALLOC_*", "MALLOC_*",
)  # fmt: skip
NUMBERS = ("OMP_*", "OPENBLAS_*", "MKL_*")
WEB = (
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
NEEDS: Mapping[str, tuple[str, ...]] = {
    "guard": ("GPIOZERO_*", "LG_*", "BOT4_BENCH_SOCKET"),
    "recorder": WEB,
    "modeller": NUMBERS,
    "engine": NUMBERS,
    "enrich": (*WEB, "BOT4_REDIS_PASSWORD"),
}


def environment(process: str, base: Mapping[str, str], own: Iterable[str] = ()) -> dict[str, str]:
    """Return what of `base` a process of the host is started with, and the allocator that it runs on.

    own -- names of its secrets
    """
    wanted = (*EVERYBODY, *NEEDS.get(process, ()), *own)
    kept = {name: value for name, value in base.items() if _among(name, wanted)}
    return allocator.environment(process, kept)


def _among(name: str, wanted: Iterable[str]) -> bool:
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in wanted)

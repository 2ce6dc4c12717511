"""`make wheel`: what was built, tried where there is neither checkout nor Cython (BOT4_DIST)."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging.contents import DOCS, MODULES, NEEDED, sources

DIST = Path(os.environ.get("BOT4_DIST", ""))
pytestmark = pytest.mark.skipif(
    not os.environ.get("BOT4_DIST"), reason="BOT4_DIST is not set: `make wheel` builds first"
)


def built(ending: str) -> Path:
    (found,) = DIST.absolute().glob(f"bot4-*{ending}")
    return found


def run(*command: object, **options: object) -> str:
    """Run a command outside of the checkout, with nothing of it in the environment."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**plain, **options.pop("env", {})}  # type: ignore[dict-item]
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, env=environment,
        **options,  # type: ignore[call-overload]
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_the_wheel_holds_all_that_runs_or_is_read() -> None:
    with zipfile.ZipFile(built(".whl")) as wheel:
        names = set(wheel.namelist())
    assert sources() - names == set()
    assert set(NEEDED) <= names
    assert all(any(n.startswith(f"{m}.") and n.endswith(".so") for n in names) for m in MODULES)
    data = {name.partition(".data/data/")[2] for name in names}
    assert set(DOCS) <= data
    assert not [name for name in names if name.startswith(("tests/", "hil/", "tools/"))]
    assert not [name for name in names if name.endswith(".c")]
    assert any(name.endswith("licenses/LICENSE") for name in names)
    print(f"\n{built('.whl').name}: {len(names)} files, {built('.whl').stat().st_size} bytes")


def test_the_sdist_holds_sources_alone() -> None:
    with tarfile.open(built(".tar.gz")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert sources() - names == set()
    assert {"setup.py", "pyproject.toml", "LICENSE", "Makefile", "requirements.lock"} <= names
    assert not [name for name in names if name.endswith((".so", ".pyc"))]
    assert not [name for name in names if name.endswith(".c") and "planted" not in name]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment with the wheel and what it needs, outside of the checkout."""
    folder = tmp_path_factory.mktemp("empty")
    run(sys.executable, "-m", "venv", folder / "v", cwd=folder)
    pip = [
        folder / "v/bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    run(*pip, f"{built('.whl')}[bench]", cwd=folder)
    return folder


def test_it_runs_in_an_empty_environment(environment: Path) -> None:
    command = environment / "v/bin/bot4"
    assert "demo" in run(command, "--help", cwd=environment)
    where = "import bot4, host.hotpath.gate as g; print(bot4.__file__, g.__file__)"
    said = run(environment / "v/bin/python", "-c", where, cwd=environment)
    assert all(word.startswith(str(environment)) for word in said.split())
    run(
        command,
        "install",
        "--root",
        environment / "root",
        "--program",
        "/opt/x/bot4",
        cwd=environment,
    )
    run(command, "bench", "wiring", cwd=environment)
    run(command, "support-bundle", environment / "bundle.zip", cwd=environment)
    assert (environment / "v/share/doc/bot4/docs/gpio.md").is_file()


def test_its_sources_have_the_digests_of_the_checkout(environment: Path) -> None:
    """Or a result that the auditor has signed beside a checkout would count for no installed host."""
    from rig.fingerprint import sources as of_checkout

    ask = "import json, rig.fingerprint as f; print(json.dumps(f.sources()))"
    said = run(environment / "v/bin/python", "-c", ask, cwd=environment)
    import json

    assert json.loads(said) == of_checkout()


def test_it_runs_the_demo(environment: Path) -> None:
    out = environment / "demo"
    command = [environment / "v/bin/bot4", "demo", "--presses", "5", "--out", out]
    done = subprocess.run(
        [*map(str, command)], cwd=environment, capture_output=True, text=True, check=False
    )
    print(done.stdout[-2000:], done.stderr[-500:])
    assert done.returncode == 0 or "too_noisy" in done.stdout
    assert list(out.rglob("report.html")) or list(out.rglob("*.html"))


def test_the_sdist_builds_with_gcc_alone(tmp_path: Path) -> None:
    """In an environment that has pip and no Cython, and finds gcc and the shell's tools."""
    run(sys.executable, "-m", "venv", tmp_path / "v", cwd=tmp_path)
    python = tmp_path / "v/bin/python"
    absent = "import importlib.util as u; raise SystemExit(u.find_spec('Cython') is not None)"
    run(python, "-c", absent, cwd=tmp_path)
    pip = [python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
    run(*pip, "-w", tmp_path / "out", built(".tar.gz"), cwd=tmp_path, env={"CC": "gcc"})
    (wheel,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as made, zipfile.ZipFile(built(".whl")) as first:
        assert set(made.namelist()) == set(first.namelist())

"""One host that is ready, made once; tests that change it take a copy."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from host.golive.evidence import gather
from host.golive.gate import Decision, decide
from tests.golive.proofs import Host, ready_host


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return ready_host(tmp_path_factory.mktemp("ready") / "host")


@pytest.fixture
def host(good: Host, tmp_path: Path) -> Host:
    shutil.copytree(good.folder, tmp_path / "host")
    return Host(tmp_path / "host", good.now_ns, good.key, good.machine)


@pytest.fixture
def judge() -> Callable[..., Decision]:
    def decided(host: Host, live: bool = False, witness_key: bytes | None = None) -> Decision:
        known = gather(
            host.now_ns, host.machine, host.audit_dir, host.evidence, host.root, witness_key
        )
        decision = decide(known, live)
        msgspec.json.encode(decision)  # what is shown can be told
        return decision

    return decided

"""The controller says what it runs, under the auditor's key, through a host that cannot fake it."""

import json
import os
from pathlib import Path

from tests.integration.kit import bot4, trading


def test_the_controller_attests_and_a_wrong_key_or_profile_does_not_hold(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with trading(out) as bench:
        place = ["--run-dir", str(bench.bench.run_dir), "--json"]
        key = ["--witness-key", str(out / "witness.key")]
        hex_key = tmp_path / "hex.key"
        hex_key.write_text((out / "witness.key").read_bytes().hex() + "\n")
        wrong = tmp_path / "wrong.key"
        wrong.write_bytes(os.urandom(32))
        bench_profile = ["--profile", "bench", *place]
        runs = {
            "good": bot4("firmware", "attest", *key, *bench_profile),
            "hex": bot4(
                "firmware", "attest", "--witness-key", str(hex_key), "--profile", "bench", *place
            ),
            "profile": bot4("firmware", "attest", *key, *place),
            "key": bot4(
                "firmware", "attest", "--witness-key", str(wrong), "--profile", "bench", *place
            ),
        }
        codes = {name: run.returncode for name, run in runs.items()}
        assert codes == {"good": 0, "hex": 0, "profile": 1, "key": 1}
        assert json.loads(runs["good"].stdout)["epoch"] == 1
        assert not json.loads(runs["profile"].stdout)["checks"]["configuration"]
        assert not json.loads(runs["key"].stdout)["checks"]["mac"]
    gone = bot4("firmware", "attest", *key, *place)
    assert gone.returncode == 2
    assert len(gone.stderr.splitlines()) == 1

"""checkov over the modules: an outside opinion, by a list of checks that is read here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.terraform import copy_modules

# In an environment of its own, for its dependencies are many and old.
COMMAND = ("uv", "tool", "run", "--quiet", "--from", "checkov==3.3.30", "checkov")

# All of its checks that have something to say of the types of resources that are here, but for those below. Each is
# explained under https://www.checkov.io/5.Policy%20Index/terraform.html.
LISTED = """
    CKV_AWS_7 CKV_AWS_19 CKV_AWS_20 CKV_AWS_21 CKV_AWS_23 CKV_AWS_24 CKV_AWS_25 CKV_AWS_26 CKV_AWS_28 CKV_AWS_32
    CKV_AWS_33 CKV_AWS_35 CKV_AWS_36 CKV_AWS_43 CKV_AWS_45 CKV_AWS_51 CKV_AWS_53 CKV_AWS_54 CKV_AWS_55 CKV_AWS_56
    CKV_AWS_57 CKV_AWS_60 CKV_AWS_61 CKV_AWS_62 CKV_AWS_63 CKV_AWS_65 CKV_AWS_66 CKV_AWS_67 CKV_AWS_72 CKV_AWS_82
    CKV_AWS_93 CKV_AWS_94 CKV_AWS_97 CKV_AWS_115 CKV_AWS_117 CKV_AWS_119 CKV_AWS_130 CKV_AWS_136 CKV_AWS_145
    CKV_AWS_158 CKV_AWS_159 CKV_AWS_163 CKV_AWS_164 CKV_AWS_168 CKV_AWS_173 CKV_AWS_185 CKV_AWS_223 CKV_AWS_227
    CKV_AWS_229 CKV_AWS_230 CKV_AWS_231 CKV_AWS_232 CKV_AWS_249 CKV_AWS_251 CKV_AWS_260 CKV_AWS_274 CKV_AWS_277
    CKV_AWS_282 CKV_AWS_284 CKV_AWS_286 CKV_AWS_287 CKV_AWS_288 CKV_AWS_289 CKV_AWS_290 CKV_AWS_297 CKV_AWS_300
    CKV_AWS_319 CKV_AWS_332 CKV_AWS_333 CKV_AWS_336 CKV_AWS_352 CKV_AWS_355 CKV_AWS_357 CKV_AWS_363 CKV_AWS_380
    CKV_AWS_382 CKV_AWS_387 CKV_AWS_393 CKV2_AWS_1 CKV2_AWS_6 CKV2_AWS_11 CKV2_AWS_12 CKV2_AWS_16 CKV2_AWS_35
    CKV2_AWS_40 CKV2_AWS_44 CKV2_AWS_56 CKV2_AWS_61 CKV2_AWS_64 CKV2_AWS_65 CKV2_AWS_73 CKV2_AWS_75
"""
CHECKS = LISTED.split()

SKIPPED = {
    "CKV2_AWS_5": "security groups are used in other modules than they are made in; `miswired` follows them",
    "CKV2_AWS_10": "nobody is alarmed by single calls, and CloudWatch Logs would cost as much again as the trail",
    "CKV2_AWS_57": "`headrace-sql rotate` rotates, on a schedule: nothing outside of the network reaches the warehouse",
    "CKV2_AWS_62": "of the lake's buckets only landing announces files",
    "CKV_AWS_18": "does not follow for_each to aws_s3_bucket_logging; `unlogged_buckets` does",
    "CKV_AWS_27": "does not know the key that a variable has; `unencrypted` does",
    "CKV_AWS_50": "a function that takes one file a call is told by its metrics and its log",
    "CKV_AWS_116": "the function is called by a queue, which has one: `messages_lost`",
    "CKV_AWS_144": "one region: docs/recovery.md says what comes back from what",
    "CKV_AWS_149": "does not know the key that a variable has; `unencrypted` does",
    "CKV_AWS_252": "nobody waits for each file of the trail",
    "CKV_AWS_272": "images are not signed so; a repository's tags cannot be moved: `foreign_images`",
    "CKV_AWS_285": "executions are logged without what they were given",
    "CKV_AWS_394": "zones are sorted and the first ones taken, so a new one comes after them",
}


def complaints(deploy: Path, folder: Path) -> Iterator[str]:
    copy_modules(deploy, folder)
    where = (
        "--directory",
        str(folder / "modules"),
        "--framework",
        "terraform",
        "--skip-path",
        "tests",
        "--skip-download",
    )
    process = subprocess.run(
        [*COMMAND, *where, "--check", ",".join(CHECKS), "--compact", "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(process.stdout)
    passed, failed = told["results"]["passed_checks"], told["results"]["failed_checks"]
    for one in failed:
        yield f"{one['file_path']}: {one['resource']}: {one['check_id']}: {one['check_name']}"
    for check in sorted(set(CHECKS) - {one["check_id"] for one in passed + failed}):
        yield f"{check} had nothing to look at: it may go from the list, unless checkov read less than before"

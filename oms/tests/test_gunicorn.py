"""gunicorn.conf.py, in a process of its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOADED = """
import gc, runpy
import django
django.setup()
hooks = runpy.run_path("gunicorn.conf.py")
before = gc.get_threshold()[0]
hooks["post_worker_init"](None)
print(gc.get_freeze_count() > 100_000, gc.get_threshold()[0] > 10 * before)
"""


def test_a_process_does_not_look_through_what_it_has_loaded_for_garbage() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.stdout.split(), done.stderr) == (["True", "True"], "")

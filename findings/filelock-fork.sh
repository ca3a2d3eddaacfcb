#!/usr/bin/env bash
# Guessed: a forked child shares its parent's FileLock (one open file, one flock): it
#   calls it locked, and its release() frees the parent's.
# So: in the child the lock counts as not held, its release() does nothing, and the
#   parent's lock stays closed to others.
# With: filelock 3.32.7 and 4.3.1.
# Matters: a step that was forked while a lock was held runs outside the lock without
#   being told; "is it locked?" must be asked anew after a fork.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv filelock==3.32.7
cat > probe.py <<'PY'
import os
import subprocess
import sys

import filelock

print("filelock", filelock.__version__)
print("Guess: the child says locked, and after its release() a third process gets it.")
lock = filelock.FileLock("warehouse.lock")
lock.acquire()
read, write = os.pipe()
if os.fork() == 0:
    held = lock.is_locked
    lock.release()
    os.write(write, b"locked" if held else b"not locked")
    os._exit(0)
os.wait()
in_child = os.read(read, 100).decode()
third = subprocess.run(
    [
        sys.executable,
        "-c",
        "import filelock; filelock.FileLock('warehouse.lock', timeout=0).acquire()",
    ],
    capture_output=True,
)
third_got_it = third.returncode == 0
print(
    f"Seen: the child says {in_child}, the parent "
    f"{'locked' if lock.is_locked else 'not locked'}, and a third process "
    f"{'gets it' if third_got_it else 'does not get it'}."
)
sys.exit((in_child, lock.is_locked, third_got_it) != ("not locked", True, False))
PY
python probe.py
python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-compile filelock==4.3.1
python probe.py

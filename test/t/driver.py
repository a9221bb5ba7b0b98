"""The driver: a server module of the tests' own, test/driver.

Purpose: build it; it can do what only later parts of the server will.
Never:   write into the checkout.
"""
import os
import subprocess

SOURCE = os.environ["RECO_SRC"]

# Rooms that need no server come along; of the others it uses what is exported.
FILES = ["test/driver/driver.c", "test/driver/listener.c", "test/driver/buffer.c", "test/driver/history.c",
         "src/shmem/wire.c", "src/upstream/buffer.c", "src/upstream/outcome.c"]


def build(directory):
    """Compiles it into a directory: (its path, None), or (None, the compiler's words)."""
    config = os.environ.get("PG_CONFIG") or os.path.join(os.environ["RECO_BINDIR"], "pg_config")
    where = {f: subprocess.run([config, "--" + f], check=True, capture_output=True,
                               text=True).stdout.strip()
             for f in ("includedir-server", "includedir")}
    target = os.path.join(directory, "reco_driver.so")
    compiled = subprocess.run(
        ["cc", "-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror",
         "-Wno-sign-compare", "-Wno-unused-parameter", "-Wno-missing-field-initializers",
         "-I" + where["includedir-server"], "-I" + where["includedir"], "-I" + SOURCE + "/src",
         "-D_GNU_SOURCE", "-DUSE_ASSERT_CHECKING", "-o", target,
         *(os.path.join(SOURCE, file) for file in FILES)],
        capture_output=True, text=True)
    if compiled.returncode:
        return None, compiled.stderr
    os.chmod(directory, 0o755)
    os.chmod(target, 0o755)
    return target, None

"""The images of the lab, made of Debian's busybox-static and loaded without any registry.

==================  ==================================================================================================
``lab/web:v1``      a web server on port 80 whose page says ``hello v1``
``lab/web:v2``      the same, ``hello v2``
``lab/web:broken``  writes one line to standard error and exits with status 1 at once
``lab/health:good``  a web server with a healthcheck that passes
``lab/health:sick``  the same with a healthcheck that fails
``lab/busybox:1``   every program of busybox, and a shell as its command
==================  ==================================================================================================

``haproxy()`` makes one more, ``lab/haproxy:1``, of the program that is installed here, for tests that load it.

The healthcheck of ``lab/health`` runs twice a second. It fails while ``HEALTHY`` is ``no``, while the file
``/tmp/sick`` exists (``docker exec`` can make it), and until ``HEALTHY_AFTER`` seconds have passed since the start; two
failures in a row make the container unhealthy. Containers of all images end at once when they are asked to, not ten
seconds later.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

BUSYBOX = Path("/bin/busybox")

NANOSECONDS = 1_000_000_000

_CHECK = """\
#!/bin/sh
[ "$HEALTHY" = no ] && { echo "not healthy: HEALTHY is no"; exit 1; }
[ -e /tmp/sick ] && { echo "not healthy: /tmp/sick exists"; exit 1; }
up=$(( $(date +%s) - $(stat -c %Y /tmp/started) ))
[ "$up" -lt "${HEALTHY_AFTER:-0}" ] && { echo "not healthy yet: up for $up s"; exit 1; }
echo healthy
"""

_HEALTH_START = "touch /tmp/started; exec httpd -f -h /www/v1 -p 80"


def _configs() -> dict[str, dict[str, Any]]:
    healthcheck = {
        "Test": ["CMD", "/bin/check"],
        "Interval": NANOSECONDS // 2,
        "Timeout": 5 * NANOSECONDS,
        "Retries": 2,
    }
    web = {"ExposedPorts": {"80/tcp": {}}}
    health = {"Cmd": ["sh", "-c", _HEALTH_START], "Healthcheck": healthcheck, **web}
    return {
        "lab/web:v1": {"Cmd": ["httpd", "-f", "-h", "/www/v1", "-p", "80"], **web},
        "lab/web:v2": {"Cmd": ["httpd", "-f", "-h", "/www/v2", "-p", "80"], **web},
        "lab/web:broken": {"Cmd": ["sh", "-c", "echo 'web: cannot start: no such option' >&2; exit 1"], **web},
        "lab/health:good": {**health, "Env": ["HEALTHY=yes"]},
        "lab/health:sick": {**health, "Env": ["HEALTHY=no"]},
        "lab/busybox:1": {"Cmd": ["sh"]},
    }


HAPROXY = "lab/haproxy:1"

NAMES: tuple[str, ...] = tuple(_configs())


def archive() -> bytes:
    """Return all images as one archive of the kind that ``docker save`` writes."""
    return _pack(_layer(), _configs())


def haproxy() -> bytes:
    """Return an image of Debian's haproxy: the program, the libraries that it is linked with, and a shell.

    :raises FileNotFoundError: when it is not installed.
    """
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise FileNotFoundError("haproxy is not installed (Debian: haproxy)")
    linked = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    libraries = {word for line in linked.splitlines() for word in line.split() if word.startswith("/")}
    files = [(path.lstrip("/"), Path(path).read_bytes(), 0o755) for path in sorted(libraries)]
    files.append(("usr/sbin/haproxy", Path(program).read_bytes(), 0o755))
    files.append(("bin/busybox", BUSYBOX.read_bytes(), 0o755))
    links = [(f"bin/{program}", "busybox") for program in ("sh", "cat", "df", "sed", "tail")]
    layer = _tar(files, links, directories=[("tmp", 0o1777), ("run", 0o755), ("etc", 0o755)])
    return _pack(layer, {HAPROXY: {"Cmd": ["haproxy", "-v"]}})


def _pack(layer: bytes, configs: dict[str, dict[str, Any]]) -> bytes:
    digest = hashlib.sha256(layer).hexdigest()
    files: dict[str, bytes] = {"layer.tar": layer}
    manifest = []
    for name, config in configs.items():
        path = "/bin:/sbin:/usr/bin:/usr/sbin"
        document = {
            "architecture": _architecture(),
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            # Process 1 of a container ignores SIGTERM unless it handles it, and busybox's programs do not.
            "config": {"StopSignal": "SIGKILL", **config, "Env": [f"PATH={path}", *config.get("Env", [])]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": "2026-01-01T00:00:00Z", "comment": name}],
        }
        content = json.dumps(document).encode()
        file = f"{hashlib.sha256(content).hexdigest()}.json"
        files[file] = content
        manifest.append({"Config": file, "RepoTags": [name], "Layers": ["layer.tar"]})
    files["manifest.json"] = json.dumps(manifest).encode()
    return _tar([(name, content, 0o644) for name, content in files.items()], [])


def _layer() -> bytes:
    programs = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    files = [
        ("bin/busybox", BUSYBOX.read_bytes(), 0o755),
        ("bin/check", _CHECK.encode(), 0o755),
        ("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", 0o644),
        ("etc/group", b"root:x:0:\nnogroup:x:65534:\n", 0o644),
        ("www/v1/index.html", b"hello v1\n", 0o644),
        ("www/v2/index.html", b"hello v2\n", 0o644),
    ]
    links = [(f"bin/{program}", "busybox") for program in programs if program != "busybox"]
    return _tar(files, links, directories=[("tmp", 0o1777), ("root", 0o700), ("var", 0o755), ("run", 0o755)])


def _tar(
    files: list[tuple[str, bytes, int]], links: list[tuple[str, str]], directories: list[tuple[str, int]] | None = None
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, mode in directories or []:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for name, content, mode in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
        for name, target in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return buffer.getvalue()


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine := _machine(), machine)


def _machine() -> str:
    return subprocess.run(["uname", "-m"], check=True, capture_output=True, text=True).stdout.strip()

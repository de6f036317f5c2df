"""Runs a Dockerfile's commands without a container engine, for tests: as root, in Linux namespaces (mount, network).

A stage's root is a folder with this machine's own system directories mounted into it, read-only, and this machine's
Python where the official image has its own (/usr/local). What is not tried here is therefore the base image itself and
what apt-get installs; everything else runs as it is written, at the paths that are written.
"""

from __future__ import annotations

import ast
import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "opt")
DEFAULT_PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"


def why_not() -> str:
    """Why containers cannot be imitated here, or ""."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "namespaces and another user need root on Linux"
    if missing := [
        name for name in ("unshare", "nsenter", "setpriv", "ip", "chroot") if not shutil.which(name)
    ]:
        return f"not installed: {', '.join(missing)}"
    trials = {
        "namespaces are not allowed here": ["/usr/bin/env", "unshare", "--mount", "--net", "true"],
        "the image's Python has pip, this machine's has not": [f"{base_python()}", "-m", "pip", "--version"],
    }
    for reason, command in trials.items():
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
        if tried.returncode:
            return f"{reason}: {tried.stderr.strip()}"
    return ""


def base_python() -> str:
    """The Python that the environment of the tests was made from."""
    return os.path.realpath(sys.executable)


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Each instruction of a Dockerfile with what follows it; comments and line continuations are gone."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(name, rest.strip()) for name, rest in found]


def command_of(text: str) -> list[str]:
    """A command in exec form, or what the shell runs in its place."""
    if text.startswith("["):
        command: list[str] = json.loads(text)
        return command
    return ["/bin/sh", "-c", text]


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore keeps this path of the context out. Knows the forms `a`, `*.md` and `**/a`."""
    parts = path.split("/")
    for pattern in patterns:
        if pattern.startswith("**/"):
            if any(fnmatch.fnmatchcase(part, pattern[3:]) for part in parts):
                return True
        elif fnmatch.fnmatchcase(parts[0], pattern):
            return True
    return False


@dataclass
class Stage:
    """One stage of the image, while and after it is built."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": DEFAULT_PATH})
    folder: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)
    health_check: list[str] = field(default_factory=list)
    installed: list[str] = field(default_factory=list)  # Debian packages that apt-get was to install
    ran: list[str] = field(default_factory=list)  # what was run as it is written

    def mounts(self, caches: list[str]) -> list[str]:
        """The shell commands that fill the root, in a mount namespace of their own."""
        steps = []
        for name in SYSTEM:
            source, target = Path("/", name), self.root / name
            if source.is_symlink():
                if not target.is_symlink():
                    target.symlink_to(source.readlink())
            elif source.is_dir():
                target.mkdir(exist_ok=True)
                steps.append(f"mount --rbind -o ro {source} {shlex.quote(str(target))}")
        steps += self._python()
        for name in ("dev", "proc", "sys"):
            (self.root / name).mkdir(exist_ok=True)
            steps.append(f"mount --rbind /{name} {shlex.quote(str(self.root / name))}")
        (self.root / "tmp").mkdir(exist_ok=True)
        steps.append(f"mount -t tmpfs -o mode=1777 tmpfs {shlex.quote(str(self.root / 'tmp'))}")
        for cache in caches:
            target = self.root / cache.lstrip("/")
            target.mkdir(parents=True, exist_ok=True)
            steps.append(f"mount --bind {shlex.quote(pip_cache())} {shlex.quote(str(target))}")
        return steps

    def _python(self) -> list[str]:
        """This machine's Python as /usr/local, and where it was built to stand."""
        prefix = sys.base_prefix
        if prefix == "/usr":
            names = self.root / "python-names"
            (names / "bin").mkdir(parents=True, exist_ok=True)
            if not (names / "bin" / "python").is_symlink():
                (names / "bin" / "python").symlink_to(base_python())
            return [f"mount --bind -o ro {shlex.quote(str(names))} {shlex.quote(str(self.root))}/usr/local"]
        steps = [f"mount --bind -o ro {shlex.quote(prefix)} {shlex.quote(str(self.root))}/usr/local"]
        own = self.root / prefix.lstrip("/")
        if not prefix.startswith(tuple(f"/{name}/" for name in SYSTEM)):
            own.mkdir(parents=True, exist_ok=True)
            steps.append(f"mount --bind -o ro {shlex.quote(prefix)} {shlex.quote(str(own))}")
        return steps

    def argv(
        self,
        command: list[str],
        *,
        environment: dict[str, str] | None = None,
        user: str | None = None,
        read_only: bool = False,
        binds: dict[Path, str] | None = None,
        caches: list[str] | None = None,
    ) -> list[str]:
        """What to start for `command` to run in this stage. It becomes the process itself, so signals reach it."""
        root = shlex.quote(str(self.root))
        steps = ["set -eu", *self.mounts(caches or [])]
        for source, target in (binds or {}).items():
            steps.append(f"mount --bind {shlex.quote(str(source))} {root}{shlex.quote(target)}")
        if read_only:
            steps += [f"mount --bind {root} {root}", f"mount -o remount,ro,bind {root}"]
            steps = [*steps[:1], *steps[-2:], *steps[1:-2]]  # before what is mounted into it
        uid, gid = (user or self.user).split(":")
        drop = (
            []
            if uid == "0"
            else shlex.split(
                f"setpriv --reuid {uid} --regid {gid} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
            )
        )
        values = self.environment | (environment or {})
        enter = f'cd {shlex.quote(self.folder)} && exec "$@"'
        program = [*drop, "env", "-i", *(f"{name}={value}" for name, value in values.items())]
        inner = [*program, "/bin/sh", "-c", enter, "sh", *command]
        steps.append(f"exec chroot {root} {shlex.join(inner)}")
        return ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", "\n".join(steps)]


def pip_cache() -> str:
    shown = subprocess.run(
        [sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True
    )
    Path(shown.stdout.strip()).mkdir(parents=True, exist_ok=True)
    return shown.stdout.strip()


def pip_environment() -> dict[str, str]:
    """How this machine's pip finds the index, as variables: an engine would hand the like to its build."""
    shown = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    values = {}
    for line in shown.stdout.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        if section in (":env:", "global", "install"):
            values[f"PIP_{option.strip('.').upper().replace('-', '_')}"] = str(ast.literal_eval(value))
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return values | proxies


class Build:
    """`docker build` of the Dockerfile in `context`, below `folder`. The last stage is `image`."""

    def __init__(self, context: Path, files: list[str], folder: Path) -> None:
        self._context, self._folder = context, folder
        lines = (context / ".dockerignore").read_text().splitlines()
        patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self._files = [name for name in files if not ignored(name, patterns)]
        self.stages: dict[str, Stage] = {}
        self.image = Stage(folder)
        for name, rest in instructions((context / "Dockerfile").read_text()):
            getattr(self, f"_{name.lower()}")(rest)

    def _arg(self, rest: str) -> None:
        """Its value names the base image, which this machine stands in for."""

    def _from(self, rest: str) -> None:
        name = rest.partition(" AS ")[2] or "image"
        self.image = self.stages[name] = Stage(self._folder / name)
        self.image.root.mkdir(parents=True)

    def _env(self, rest: str) -> None:
        self.image.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))

    def _workdir(self, rest: str) -> None:
        self.image.folder = rest
        (self.image.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _user(self, rest: str) -> None:
        self.image.user = rest

    def _expose(self, rest: str) -> None:
        """Says something to people alone."""

    def _cmd(self, rest: str) -> None:
        self.image.command = command_of(rest)

    def _healthcheck(self, rest: str) -> None:
        self.image.health_check = command_of(rest.partition("CMD ")[2])

    def _run(self, rest: str) -> None:
        caches = re.findall(r"--mount=type=cache,target=(\S+)", rest)
        text = re.sub(r"--mount=\S+\s*", "", rest)
        if text.startswith("apt-get "):
            installed = text.partition("--no-install-recommends ")[2].partition(" &&")[0]
            self.image.installed += installed.split()
            return
        argv = self.image.argv(command_of(text), environment=pip_environment(), caches=caches)
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"RUN {text}\n{done.stdout}\n{done.stderr}"
        self.image.ran.append(text)

    def _copy(self, rest: str) -> None:
        *words, target = rest.split()
        if words[0].startswith("--from="):
            source = self.stages[words[0].removeprefix("--from=")].root / words[1].lstrip("/")
            subprocess.run(
                ["/usr/bin/env", "cp", "-a", str(source), str(self.image.root / target.lstrip("/"))],
                check=True,
            )
            return
        folder = self.image.root / self.image.folder.lstrip("/") / target
        for name in self._files if words == ["."] else words:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._context / name, folder / name)


class Network:
    """A network of its own, with nothing in it but 127.0.0.1: ports are free, and no other host is reached."""

    def __init__(self) -> None:
        hold = "ip link set lo up && echo up && exec sleep 3600"
        self._holder = subprocess.Popen(
            ["/usr/bin/unshare", "--net", "/bin/sh", "-c", hold], stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "up\n"
        self._started: list[subprocess.Popen[str]] = []

    def inside(self, argv: list[str]) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *argv]

    def run(self, argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        options = {"capture_output": True, "text": True, "check": False, "timeout": 60} | options
        done: subprocess.CompletedProcess[str] = subprocess.run(self.inside(argv), **options)
        return done

    def start(self, argv: list[str], log: Path) -> subprocess.Popen[str]:
        with log.open("w") as file:
            process = subprocess.Popen(
                self.inside(argv), stdout=file, stderr=file, text=True, start_new_session=True
            )
        self._started.append(process)
        return process

    def close(self) -> None:
        assert self._holder.stdout is not None
        self._holder.stdout.close()
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait(30)
        self._holder.kill()
        self._holder.wait(30)

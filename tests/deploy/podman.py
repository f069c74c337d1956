"""Images built and run by podman, in a store of the test's own, on machines that have no registry.

Nested in a container or a small virtual machine podman's defaults may fail. What works there, and elsewhere:
building with `--isolation=chroot`, running by runc, and limits no higher than the process's own.
"""

from __future__ import annotations

import ast
import configparser
import contextlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
BASE = "docker.io/library/python:3.11-slim-bookworm"
_TOOLS = ("podman", "runc", "debootstrap")
# Podman asks for more than a process without CAP_SYS_RESOURCE may have.
_LIMITS = ("--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096")
# Of pip's settings, those that say where packages come from.
_INDEX_SETTINGS = ("cert", "extra-index-url", "index-url", "proxy", "trusted-host")


def missing() -> list[str]:
    """What this machine lacks to build images."""
    return [tool for tool in _TOOLS if shutil.which(tool) is None]


class Podman:
    """Podman with a store of its own below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._command = ("podman", "--root", str(folder / "root"), "--runroot", str(folder / "run"))

    def run(self, *arguments: str) -> str:
        done = subprocess.run((*self._command, *arguments), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout.strip()

    def import_debian(self) -> None:
        """Debian with Python under the name of the base image, by debootstrap."""
        root = self._folder / "debian"
        packages = "--include=ca-certificates,python3,python3-venv"
        command = ("debootstrap", "--variant=minbase", packages, "bookworm", str(root))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        archive = self._folder / "debian.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(root, ".")
        self.run("import", "--quiet", str(archive), BASE)
        shutil.rmtree(root)
        archive.unlink()

    def build(self, target: str, *arguments: str, tag: str = "test") -> str:
        """Build one target of the Dockerfile; gives the image's name."""
        name = f"localhost/miwake-{target}:{tag}"
        options = ("--isolation=chroot", "--network=host", "--format=docker", "--pull=never", "--quiet")
        mounts = [f"--volume={mount}:ro" for mount in _pip_mounts(self._folder)]
        self.run("build", *options, *mounts, *arguments, "--target", target, "--tag", name, str(REPOSITORY))
        return name

    def inspect(self, image: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("image", "inspect", image))[0]
        return found

    def read(self, image: str, path: str) -> str:
        """A file of an image."""
        mounted = self.run("image", "mount", image)
        try:
            return Path(mounted + path).read_text("utf-8")
        finally:
            self.run("image", "unmount", image)

    @contextlib.contextmanager
    def container(
        self, image: str, *arguments: str, settings: dict[str, str], mounts: Sequence[str] = ()
    ) -> Iterator[str]:
        """A container as a restricted pod is: no capability, nothing writable but mounts. Gives its name."""
        options = (
            *("--detach", "--network=host", "--read-only", "--read-only-tmpfs=false", "--cap-drop=all"),
            *("--security-opt=no-new-privileges", "--health-interval=disable"),
            *_LIMITS,
            *mounts,
            *(f"--env={name}={value}" for name, value in settings.items()),
        )
        name = self.run("--runtime=runc", "run", *options, image, *arguments)
        try:
            yield name
        finally:
            self.run("--runtime=runc", "rm", "--force", "--time=0", "--ignore", name)

    def close(self) -> None:
        self.run("rmi", "--all", "--force")
        shutil.rmtree(self._folder)


def _pip_mounts(folder: Path) -> list[str]:
    """This machine's package index for pip in the build; nothing of it stays in the image."""
    listed = subprocess.run(
        (sys.executable, "-m", "pip", "config", "list"), capture_output=True, text=True, check=True
    )
    settings: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        settings[key.rpartition(".")[2]] = ast.literal_eval(value)
    config = configparser.ConfigParser(interpolation=None)
    config["global"] = {key: value for key, value in settings.items() if _says_where(key, value)}
    with (folder / "pip.conf").open("w") as file:
        config.write(file)
    certificates = [f"{settings['cert']}:{settings['cert']}"] if "cert" in settings else []
    return [f"{folder / 'pip.conf'}:/etc/pip.conf", *certificates]


def _says_where(key: str, value: str) -> bool:
    return key in _INDEX_SETTINGS and "file:" not in value  # a folder of this machine is not in the build

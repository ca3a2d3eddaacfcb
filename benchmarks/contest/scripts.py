"""The workload: a folder of scripts drawn from a seed, and what happens to it.

The folder is the truth: after every phase a contestant's store is compared with
`Library.scripts`. Standard library only, since every interpreter imports it.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

TWINS = 5
FILES_A_FOLDER = 1000
WORDS = (
    "herb kitchen window morning light water soil pot leaf stem root seed garden "
    "bread oven flour salt yeast crust loaf butter knife board towel pan lid heat "
    "coffee cup bean grinder kettle filter paper pour slow fast early late week day "
    "drawer shelf box label fold shirt sock season closet hanger list plan habit "
    "timer minute phone note pen desk chair lamp cable walk run stretch breathe "
    "sleep rest sound song beat rhythm camera frame cut hook story question number"
).split()
TOPICS = ("herbs", "bread", "coffee", "closet", "desk", "movement", "filming")
AUTHORS = ("jonas", "studio", "mira", "guest")
STYLES = ("story", "question", "number", "bold_claim")


@dataclass(frozen=True)
class Script:
    """One file; `text` is what is embedded and `rate` what a filter looks at."""

    name: str
    topic: str
    hook_style: str
    author: str
    hook: str
    body: str
    call_to_action: str
    views: int
    likes: int
    as_of: date

    @property
    def text(self) -> str:
        """Hook, body and call to action, by blank lines."""
        return f"{self.hook}\n\n{self.body}\n\n{self.call_to_action}"

    @property
    def rate(self) -> float:
        """Likes per view."""
        return self.likes / self.views

    def markdown(self) -> str:
        """The file's content."""
        return (
            f"---\ntopic: {self.topic}\nhook_style: {self.hook_style}\n"
            f"author: {self.author}\nlanguage: en\nperformance:\n  source: export\n"
            f"  as_of: {self.as_of}\n  views: {self.views}\n  likes: {self.likes}\n"
            f"---\n# {self.hook}\n\n{self.body}\n\nCTA: {self.call_to_action}\n"
        )


def make_script(number: int, seed: int) -> Script:
    """Script `number` of the workload of a seed: 40 to 80 words and its metrics."""
    draw = random.Random(f"{seed}:{number}")
    views = draw.randint(1_000, 90_000)
    return Script(
        name=f"{number // FILES_A_FOLDER:04d}/script-{number:07d}.md",
        topic=draw.choice(TOPICS),
        hook_style=draw.choice(STYLES),
        author=draw.choice(AUTHORS),
        hook=_sentence(draw, 7, f"{number}"),
        body=" ".join(_sentence(draw, 9) for _ in range(draw.randint(3, 7))),
        call_to_action=_sentence(draw, 5),
        views=views,
        likes=draw.randint(1, views // 10),
        as_of=date(2026, 1, 31),
    )


class Library:
    """The folder on disk beside what it says."""

    def __init__(self, folder: Path, size: int, seed: int) -> None:
        self.folder = folder
        self.scripts = {s.name: s for s in _scripts(size, seed)}
        self._draw = random.Random(f"{seed}:changes")
        self._edits = 0
        for script in self.scripts.values():
            self._write(script)

    @property
    def twins(self) -> list[str]:
        """The files that differ in nothing but their names."""
        return [name for name in self.scripts if "/twin-" in name]

    def pick(self, count: int) -> list[str]:
        """Names of that many scripts, drawn at random, never twins."""
        names = [name for name in self.scripts if "/twin-" not in name]
        return sorted(self._draw.sample(names, min(count, len(names))))

    def change_words(self, names: Iterable[str]) -> None:
        """Every named script gets one more sentence that no other has."""
        self._edits += 1
        for name in names:
            script = self.scripts[name]
            line = f"Edit {self._edits} of {name}."
            self._write(replace(script, body=f"{script.body} {line}"))

    def change_metrics(self) -> None:
        """Every script has been seen and liked more by the next day; words stay."""
        for script in list(self.scripts.values()):
            self._write(
                replace(
                    script,
                    views=script.views + 500,
                    likes=script.likes + 40,
                    as_of=script.as_of + timedelta(days=1),
                )
            )

    def delete(self, names: Iterable[str]) -> None:
        """The files vanish."""
        for name in names:
            del self.scripts[name]
            (self.folder / name).unlink()

    def restore(self, scripts: Mapping[str, Script]) -> None:
        """Write back what has changed since."""
        for name, script in scripts.items():
            if self.scripts[name] != script:
                self._write(script)

    def remove(self) -> None:
        """Clear the disk."""
        shutil.rmtree(self.folder)

    def _write(self, script: Script) -> None:
        self.scripts[script.name] = script
        path = self.folder / script.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script.markdown(), encoding="utf-8")


def _scripts(size: int, seed: int) -> Iterable[Script]:
    twins = min(TWINS, size)
    for number in range(size - twins):
        yield make_script(number, seed)
    twin = make_script(size - twins, seed)
    folder = twin.name.split("/")[0]
    for number in range(twins):
        yield replace(twin, name=f"{folder}/twin-{number}.md")


def _sentence(draw: random.Random, words: int, last: str = "") -> str:
    drawn = [draw.choice(WORDS) for _ in range(words)] + [last] * bool(last)
    return " ".join(drawn).capitalize() + "."

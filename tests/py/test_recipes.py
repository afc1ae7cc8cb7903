"""Every program of docs/clients.md runs as it stands, in the page's order, and prints what it says.

Each language has an account of its own, so the two stories do not meet.
"""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from conftest import ROOT
from support_node import node_command
from support_project import running_worker, started
from support_wait import HANG_S

from worker.embedded import ports
from worker.embedded.stack import Connection

PAGE = (ROOT / "docs" / "clients.md").read_text()
URL_ON_THE_PAGE = "http://127.0.0.1:8080"
EMAIL_ON_THE_PAGE = "ann@example.org"


@dataclasses.dataclass
class Recipe:
    """A program of the page; *prints* is None for what others only import or talk to."""

    language: str
    name: str
    source: str
    prints: str | None = None


def read_page() -> list[Recipe]:
    """Return the programs in order; a block of text is what those just before it print."""
    recipes: list[Recipe] = []
    printing: list[Recipe] = []
    for language, source in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        if language == "text":
            for recipe in printing:
                recipe.prints = source
            printing = []
            continue
        # the first line is a comment with the file's name
        recipe = Recipe(language, source.split(maxsplit=2)[1], source)
        printing = [*(printing if language == "python" else []), recipe]
        recipes.append(recipe)
    return recipes


RECIPES = read_page()
PRINTING = [recipe for recipe in RECIPES if recipe.prints and recipe.language != "ts"]


@dataclasses.dataclass
class Story:
    """The programs of one language in a folder, and what those that ran have printed."""

    language: str
    folder: Path
    environment: dict[str, str]
    printed: dict[str, str] = dataclasses.field(default_factory=dict)

    def output_of(self, name: str) -> str:
        """Return what the program prints; those before it in the page run first, once."""
        for recipe in PRINTING:
            if recipe.language == self.language and recipe.name not in self.printed:
                self.printed[recipe.name] = self._run(recipe.name)
            if recipe.name == name:
                break
        return self.printed[name]

    def _run(self, name: str) -> str:
        program = node_command() if self.language == "js" else [sys.executable]
        done = subprocess.run(
            [*program, name],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG_S,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout.replace(self.environment["SHOP_URL"], URL_ON_THE_PAGE).replace(
            self.environment["EMAIL"], EMAIL_ON_THE_PAGE
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every program of the page, the types, and the Node packages."""
    folder = tmp_path_factory.mktemp("recipes")
    for recipe in RECIPES:
        (folder / recipe.name).write_text(recipe.source)
    for types in (ROOT / "clients").iterdir():
        shutil.copy(types, folder)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return folder


@pytest.fixture(scope="module")
def stories(stack: Connection, folder: Path) -> Iterator[dict[str, Story]]:
    """Yield a story for each language, with the shop open and a worker at work."""
    (port,) = ports.pick_free(1)
    url = f"http://127.0.0.1:{port}"
    settings = {
        "SUPABASE_URL": stack.url,
        "SUPABASE_KEY": stack.publishable_key,
        "SHOP_URL": url,
    }
    environment = {**os.environ, "SHOP_PORT": str(port)}
    with (
        started([sys.executable, str(folder / "shop.py")], environment),
        httpx.Client(transport=httpx.HTTPTransport(retries=6)) as client,
        running_worker(stack, folder / "worker.log"),
    ):
        client.get(f"{url}/prices/book")
        yield {
            language: Story(
                language,
                folder,
                {**settings, "EMAIL": f"{uuid.uuid4()}@example.org", "PASSWORD": "correct horse"},
            )
            for language in ("js", "python")
        }


@pytest.mark.parametrize("recipe", PRINTING, ids=lambda recipe: recipe.name)
def test_recipe(stories: dict[str, Story], recipe: Recipe) -> None:
    """The program ends well and prints what the page says, letter for letter."""
    assert stories[recipe.language].output_of(recipe.name) == recipe.prints


def test_languages_are_side_by_side() -> None:
    """What is told in one language is told in the other."""
    files = [Path(recipe.name) for recipe in RECIPES if recipe.name != "shop.py"]
    javascript = [file.stem for file in files if file.suffix in (".mjs", ".ts")]
    python = [file.stem for file in files if file.suffix == ".py"]
    sys.stdout.write(f"recipes: {len(javascript)} in JavaScript, {len(python)} in Python\n")

    assert javascript == python
    assert len(python) >= 20


def test_typescript_compiles(folder: Path) -> None:
    """The TypeScript program fits the generated types, and its deliberate mistake does not."""
    done = subprocess.run(
        [
            *(ROOT / "node_modules/.bin/tsc", "--noEmit", "--strict", "--target", "es2022"),
            *("--module", "nodenext", "--skipLibCheck", "typed.ts"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout

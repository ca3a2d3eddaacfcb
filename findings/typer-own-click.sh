#!/usr/bin/env bash
# Guessed: Typer is built on Click, so code around a Typer command catches its ends and
#   its usage errors by Click's exceptions.
# So: Typer brings a Click of its own. `typer.Exit` and `typer.BadParameter` are none of
#   the installed Click's exceptions, and a Typer command is none of its commands.
# With: typer 0.29.2, click 8.5.1.
# Matters: a boundary that turns what is unexpected into one sentence takes every
#   deliberate exit for a fault. Catch Typer's own names.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv typer==0.29.2 click==8.5.1 rich==15.0.0 markdown-it-py==4.3.0 mdurl==0.1.2 \
  Pygments==2.21.0 shellingham==1.5.4 annotated-doc==0.0.7 typing_extensions==4.16.0
python - <<'PY'
import sys
from importlib.metadata import version

import click
import typer

print("typer", version("typer"), "click", version("click"))
print("Guess: click.exceptions catches what a Typer command raises.")
caught = []


def ends():
    raise typer.Exit(3)


def refuses():
    raise typer.BadParameter("too late")


for function in (ends, refuses):
    try:
        function()
    except (click.exceptions.Exit, click.exceptions.ClickException):
        caught.append(function.__name__)
    except Exception as error:
        print(f"Seen: {type(error).__module__}.{type(error).__name__} passes by.")

app = typer.Typer()
app.command()(ends)
is_command = isinstance(typer.main.get_command(app), click.Command)
print(f"Seen: caught by Click's exceptions: {caught}; a Click command: {is_command}.")
sys.exit(bool(caught) or is_command)
PY

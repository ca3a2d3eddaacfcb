"""Writes one topic in a process of its own, for a page that shows the progress.

    python -m ig_assets.headless.workers.topic_process < form.json

The form is that of the job `generate_topic`. It is read from standard input, so that no
list of processes shows a brief. Standard output gets one JSON object per line:
`progress` (a sentence), then `done` (the run's id) or `error` (a sentence) with
`section` (of the runbook). SIGINT stops the process as Ctrl-C stops a command: paid
results are kept, and a call under way is recorded as unknown.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from typing import TextIO

from ig_assets.core.operations.log_lines import FAILURES, log_of_command
from ig_assets.core.operations.progress import LOGGER
from ig_assets.core.operations.redaction import redact
from ig_assets.core.operations.runbook import UNEXPECTED, section_of
from ig_assets.errors import IgAssetsError, InputError
from ig_assets.settings import Settings, load_settings

DONE, FAILED, STOPPED = 0, 1, 130
Say = Callable[[Mapping[str, object]], None]
_log = logging.getLogger(FAILURES)


def main() -> int:
    """Read the form, write the topic and report; return the exit code."""
    # A page that was started in the background ignores SIGINT, and its children would.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    out, form_file = sys.stdout, sys.stdin
    say = _sayer(out)
    try:
        settings = load_settings()
        form = _form(form_file)
        with (
            log_of_command(settings.data_dir, settings.log_format, settings.log_level),
            redirect_stdout(StringIO()),
        ):  # nothing else may stand among the lines
            return _write(settings, form, say)
    except IgAssetsError as error:
        say({"error": redact(str(error)), "section": section_of(error)})
    except KeyboardInterrupt:
        return _stopped(say)
    return FAILED


def _write(settings: Settings, form: Mapping[str, object], say: Say) -> int:
    warnings.simplefilter("ignore")
    handler = _Lines(say)
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        say({"progress": "Starting."})
        from ig_assets.headless.runner import open_headless

        with open_headless(settings) as headless:
            say({"progress": "Looking for scripts to build on."})
            run = headless.run_form("generate_topic", form)
        say({"done": run.run_id})
        return DONE
    except IgAssetsError as error:
        _log.error("%s", redact(str(error)), exc_info=error)
        say({"error": redact(str(error)), "section": section_of(error)})
        return FAILED
    except KeyboardInterrupt:
        return _stopped(say)
    except Exception as error:
        kind = type(error).__name__
        _log.error("Unexpected %s", kind, exc_info=error)
        say(
            {
                "error": f"Unexpected {kind}; what was done is kept. The log has more.",
                "section": UNEXPECTED,
            }
        )
        return FAILED
    finally:
        logger.removeHandler(handler)


def _form(file: TextIO) -> dict[str, object]:
    try:
        form = json.load(file)
    except ValueError:
        form = None
    if not isinstance(form, dict):
        raise InputError("The form of the topic is no JSON object.")
    return form


def _stopped(say: Say) -> int:
    say(
        {
            "error": "Stopped. What was written is kept; write the topic again to go "
            "on where it stopped.",
            "section": None,
        }
    )
    return STOPPED


def _sayer(out: TextIO) -> Say:
    def say(line: Mapping[str, object]) -> None:
        try:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            out.flush()
        except OSError:  # the page is gone; the work goes on
            sys.stdout = open(os.devnull, "w", encoding="utf-8")

    return say


class _Lines(logging.Handler):
    def __init__(self, say: Say) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say({"progress": record.getMessage()})


if __name__ == "__main__":
    sys.exit(main())

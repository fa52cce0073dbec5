"""Run a command. The only place where an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from workbench.errors import ExitCode, WorkbenchError, out_of_memory
from workbench.escaping import escape_line
from workbench.output import echo, echo_text, give_up, prepare_streams


def command() -> NoReturn:
    """`kwb`: do what the command line says and end the process."""
    from workbench.process import leave

    prepare_streams()
    leave(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code, which the caller gives to the shell."""
    given = sys.argv[1:] if arguments is None else arguments
    context: dict[str, bool] = {}
    try:
        try:
            code = _run(given, context)
            with suppress(BrokenPipeError):  # what it says counts, whether or not it is read
                sys.stdout.flush()
                return code
            give_up(sys.stdout)
            return code
        except BrokenPipeError:  # the reader of our output has left: `kwb catalog | head`
            give_up(sys.stdout)
            return ExitCode.DONE
        except WorkbenchError as error:
            _show_error(f"kwb: {error}", error, context)
            return error.exit_code
        except KeyboardInterrupt:
            echo("interrupted", err=True)
            return ExitCode.INTERRUPTED
        except (
            OSError
        ) as error:  # of the system, and foreseen by nobody: a name too long, a disk that is gone
            place = f"{error.filename}: " if error.filename else ""
            _show_error(f"kwb: {escape_line(f'{place}{error.strerror or error}')}.", error, context)
            return ExitCode.FILE
        except Exception as error:
            if (short := out_of_memory(error)) is not None:
                _show_error(f"kwb: {short}", error, context)
                return short.exit_code
            name = Path(error.__traceback__.tb_frame.f_code.co_filename).name if error.__traceback__ else ""
            message = f"kwb: an internal error ({type(error).__name__}: {error}; {name}). --debug shows it."
            _show_error(message, error, context)
            return ExitCode.FAILED
    except (OSError, WorkbenchError):  # then the message cannot be shown either
        give_up(sys.stdout)
        give_up(sys.stderr)
        return ExitCode.FILE


def _run(arguments: Sequence[str], context: dict[str, bool]) -> int:
    if (
        not arguments
    ):  # just `kwb`: the app, without the command tree, which takes longer to import than to paint
        from workbench.tui.start import start

        return start()
    from workbench.cli.tree import run

    return run(arguments, context)


def _show_error(message: str, error: Exception, context: dict[str, bool]) -> None:
    debug = context.get("debug")
    if debug:
        import traceback

        message = "".join(traceback.format_exception(error)).rstrip("\n")
    echo_text(message, err=True)
    origin = error.origin if isinstance(error, WorkbenchError) else None
    if origin is None:
        return
    if debug and error.__cause__ is None:  # it was raised in another process
        echo_text(origin.traceback, err=True)
    more = () if debug else ("--debug shows the whole traceback.",)
    echo(*(f"  {line}" for line in (*origin.lines, *more)), err=True)

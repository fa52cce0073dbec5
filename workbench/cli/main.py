"""The one place where a fault becomes words and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from workbench.errors import ExitCode, WorkbenchError, out_of_memory


def command() -> NoReturn:
    """`kwb`: do what the command line says and end the process."""
    from workbench.process import leave

    leave(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is returned, and told to the shell by the caller."""
    given = sys.argv[1:] if arguments is None else arguments
    context: dict[str, bool] = {}
    try:
        if (
            not given
        ):  # just `kwb`: the app, without the command tree, which takes longer to import than to paint
            from workbench.tui.start import start

            return start()
        from workbench.cli.tree import run

        return run(given, context)
    except WorkbenchError as fault:
        if context.get("debug"):
            import traceback

            traceback.print_exception(fault)
        else:
            print(f"kwb: {fault}", file=sys.stderr)
        return fault.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader of our output has left: `kwb catalog | head`
        sys.stderr.close()
        return ExitCode.DONE
    except Exception as fault:
        if context.get("debug"):
            raise
        if (short := out_of_memory(fault)) is not None:
            print(f"kwb: {short}", file=sys.stderr)
            return short.exit_code
        name = Path(fault.__traceback__.tb_frame.f_code.co_filename).name if fault.__traceback__ else ""
        print(
            f"kwb: an internal fault ({type(fault).__name__}: {fault}; {name}). --debug shows it.",
            file=sys.stderr,
        )
        return ExitCode.FAILED

"""`kwb devices`: the processor, the memory and the GPUs, and whether TensorFlow can use them."""

from __future__ import annotations

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.output import echo, echo_json


@click.command("devices", short_help="List processor, memory and GPUs, and what TensorFlow uses of them.")
@click.option("--hosts", metavar="A,B", help="Of these machines as well, over ssh.")
@click.option(
    "--ssh", default="ssh", metavar="COMMAND", help="With --hosts: how they are reached, as in `ssh -p 2222`."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def devices_command(shared: SharedOptions, hosts: str | None, ssh: str, as_json: bool) -> None:
    """List the processor, the memory and the GPUs, what TensorFlow can use of them, and why not the rest.

    GPUs are found without TensorFlow, so that one it cannot use is named, with what to do about it. Before a training
    over several machines, --hosts A,B asks them what they have; each needs kwb, where this machine has it or on its
    path.
    """
    from workbench.devices.processor import find_processor
    from workbench.devices.report import report_on
    from workbench.devices.tensorflow_devices import TensorFlowDevices, ask_tensorflow
    from workbench.errors import WorkbenchError
    from workbench.group.hosts.devices_there import devices_there
    from workbench.process import Diverted, import_keras

    processor = find_processor()
    with Diverted():
        try:
            import_keras()
            tensorflow = ask_tensorflow(processor.allowed_cores)
        except ImportError as error:  # as after half an installation: the rest is worth knowing then
            tensorflow = TensorFlowDevices(error=f"{type(error).__name__}: {error}")
    report = report_on(tensorflow, processor, ask_driver=True)
    there = (
        devices_there([host for each in hosts.split(",") if (host := each.strip())], ssh, as_json=as_json)
        if hosts
        else {}
    )
    if as_json:
        others = {
            host: each.as_record() if isinstance(each, WorkbenchError) else each
            for host, each in there.items()
        }
        echo_json(report.as_record() | ({"hosts": others} if hosts else {}), indent=2)
    else:
        echo(*(["this machine"] if hosts else []), *report.lines())
        for host, each in there.items():
            echo(
                "",
                host,
                *([f"no answer: {each.what}"] if isinstance(each, WorkbenchError) else each["lines"]),
            )
    for each in there.values():
        if isinstance(each, WorkbenchError):
            raise each

"""`kwb devices`: the processor, the memory and the GPUs, and whether TensorFlow can use them."""

from __future__ import annotations

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.output import echo, echo_json


@click.command("devices", short_help="List processor, memory and GPUs, and what TensorFlow uses of them.")
@click.option("--hosts", default="", metavar="A,B", help="The devices of these machines as well, over ssh.")
@click.option(
    "--ssh", default="ssh", metavar="COMMAND", help="With --hosts: how they are reached, as in `ssh -p 2222`."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def devices_command(shared: SharedOptions, hosts: str, ssh: str, as_json: bool) -> None:
    """List the processor, the memory and the GPUs, what TensorFlow can use of them, and why not the rest.

    GPUs are found without TensorFlow, so that one it cannot use is named, with what to do about it. Before a training
    over several machines, --hosts A,B asks them what they have; each needs kwb, where this machine has it or on its
    path.
    """
    from workbench.devices.processor import find_processor
    from workbench.devices.report import report_on
    from workbench.devices.tensorflow_devices import TensorFlowDevices, ask_tensorflow
    from workbench.group.hosts.devices_there import commands_of, devices_there
    from workbench.group.hosts.ssh import hosts_in
    from workbench.process import Diverted, import_keras

    commands = commands_of(hosts_in(hosts), ssh, as_json=as_json)
    processor = find_processor()
    with Diverted():
        try:
            import_keras()
            tensorflow = ask_tensorflow(processor.allowed_cores)
        except ImportError as error:  # as after half an installation: the rest is worth knowing then
            tensorflow = TensorFlowDevices(error=f"{type(error).__name__}: {error}")
    report = report_on(tensorflow, processor, ask_driver=True)
    answers = devices_there(commands, as_json=as_json)
    if as_json:
        others = {
            each.host: {"error": each.error.as_record()} if each.error else each.record for each in answers
        }
        echo_json(report.as_record() | ({"hosts": others} if answers else {}), indent=2)
    else:
        echo(*(["this machine"] if answers else []), *report.lines())
        for each in answers:
            echo("", each.host, *([f"no answer: {each.error.what}"] if each.error else each.lines))
    for each in answers:
        if each.error:
            raise each.error

"""`kwb devices`: the processor, the memory and the GPUs, and whether TensorFlow can use them."""

from __future__ import annotations

import click

from workbench.cli.options import SharedOptions, shared_options
from workbench.output import echo, echo_json


@click.command("devices", short_help="List processor, memory and GPUs, and what TensorFlow uses of them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@shared_options
def devices_command(shared: SharedOptions, as_json: bool) -> None:
    """List the processor, the memory and the GPUs, what TensorFlow can use of them, and why not the rest.

    GPUs are found without TensorFlow, so that one it cannot use is named, with what to do about it.
    """
    from workbench.devices.processor import find_processor
    from workbench.devices.report import report_on
    from workbench.devices.tensorflow_devices import TensorFlowDevices, ask_tensorflow
    from workbench.process import Diverted, import_keras

    processor = find_processor()
    with Diverted():
        try:
            import_keras()
            tensorflow = ask_tensorflow(processor.allowed_cores)
        except ImportError as error:  # as after half an installation: the rest is worth knowing then
            tensorflow = TensorFlowDevices(error=f"{type(error).__name__}: {error}")
    report = report_on(tensorflow, processor, ask_driver=True)
    if as_json:
        echo_json(report.as_record(), indent=2)
    else:
        echo(*report.lines())

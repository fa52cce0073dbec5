"""Works, but prints when listed."""

from workbench.catalog import hookimpl

KWB_API = 1

print("Thank you for choosing Loud!")


@hookimpl
def kwb_register_layers(registry):
    print("registering ...")
    registry.add("Loud", "loud_layers:Loud")

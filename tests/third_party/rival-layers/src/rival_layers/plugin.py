from workbench.plugin import hookimpl

KWB_API = 1


@hookimpl
def kwb_register_layers(registry):
    registry.add("Gate", "rival_layers.gate:Gate", summary="Another gate: doubles each value.")
    registry.add("Impostor", "rival_layers.impostor:Gate", summary="Registers itself as Acme's gate.")

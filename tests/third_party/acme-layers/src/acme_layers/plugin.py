"""What Acme offers: names and places, nothing heavy."""

from workbench.catalog import hookimpl

KWB_API = 1


@hookimpl
def kwb_register_layers(registry):
    registry.add(
        "Gate",
        "acme_layers.layers:Gate",
        summary="Lets each feature through by a learned share.",
        tags=["gating"],
        example={"bias": 2.0},
    )
    registry.add(
        "Halve",
        "acme_layers.layers:halve",
        summary="Half of each value: a layer made of a function.",
        tags=["weightless"],
    )
    registry.add(
        "Mix", "acme_layers.layers:Mix", summary="Weighs two inputs against each other.", inputs=2, outputs=1
    )


@hookimpl
def kwb_register_models(registry):
    registry.add(
        "GatedRegressor",
        "acme_layers.models:GatedRegressor",
        summary="A regressor with gated features.",
        tags=["regression"],
        example={"units": 6},
    )
    registry.add(
        "TwoSided",
        "acme_layers.models:TwoSided",
        summary="Two inputs to two outputs: their sum and their difference.",
        inputs=2,
        outputs=2,
        example={"units": 3},
    )


@hookimpl
def kwb_register_datasets(registry):
    registry.add("ramps", "acme_layers.data:ramps", summary="Straight lines with noise.", tags=["regression"])


@hookimpl
def kwb_register_recipes(registry):
    registry.add("gated", "acme_layers:recipes/gated.yaml", summary="GatedRegressor on the diabetes data.")

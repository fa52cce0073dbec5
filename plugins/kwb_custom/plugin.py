"""What kwb_custom offers. Strings only: listing it imports neither keras nor the classes."""

from __future__ import annotations

from workbench.plugin import Registry, hookimpl

KWB_API = 1


@hookimpl
def kwb_register_layers(registry: Registry) -> None:
    registry.add(
        "Exponential",
        "kwb_custom.functions:exponential",
        summary="e to the power of each input: a weightless layer made of a function.",
        tags=["custom", "weightless"],
    )
    registry.add(
        "MyDense",
        "kwb_custom.layers:MyDense",
        summary="A fully connected layer: activation(inputs @ kernel + bias).",
        tags=["custom", "core"],
        example={"units": 8, "activation": "relu"},
    )
    registry.add(
        "MyMultiLayer",
        "kwb_custom.layers:MyMultiLayer",
        summary="Sum, product and quotient of two inputs.",
        tags=["custom", "merging", "weightless"],
        inputs=2,
        outputs=3,
    )
    registry.add(
        "MyGaussianNoise",
        "kwb_custom.layers:MyGaussianNoise",
        summary="Adds Gaussian noise to its input, in training only.",
        tags=["custom", "regularization", "weightless"],
        example={"stddev": 0.5, "seed": 7},
    )
    registry.add(
        "ResidualBlock",
        "kwb_custom.layers:ResidualBlock",
        summary="Dense layers whose output is added to the block's input, which must be n_neurons wide.",
        tags=["custom", "composite"],
        example={"n_layers": 2, "n_neurons": 8},
    )


@hookimpl
def kwb_register_models(registry: Registry) -> None:
    registry.add(
        "ResidualRegressor",
        "kwb_custom.models:ResidualRegressor",
        summary="A regressor of two residual blocks, the first applied four times with the same weights.",
        tags=["custom", "regression"],
        example={"output_dim": 2},
    )
    registry.add(
        "ReconstructingRegressor",
        "kwb_custom.models:ReconstructingRegressor",
        summary="A regressor that also learns to rebuild its input, as an auxiliary loss.",
        tags=["custom", "regression"],
        example={"output_dim": 2, "reconstruction_weight": 0.1},
    )
    registry.add(
        "VariationalAutoencoder",
        "kwb_custom.generative:VariationalAutoencoder",
        summary="Learns to write a picture as a few numbers, and to draw it again from them.",
        tags=["custom", "generative", "own training"],
        example={"latent_dim": 2, "units": 8, "seed": 7},
        input_shapes=[[8, 8, 1]],
    )
    registry.add(
        "GenerativeAdversarialNetwork",
        "kwb_custom.generative:GenerativeAdversarialNetwork",
        summary="A generator of pictures and a discriminator that learn from each other: a GAN, without call().",
        tags=["custom", "generative", "own training"],
        example={"picture_shape": [8, 8, 1], "latent_dim": 4, "units": 8, "seed": 7},
    )


@hookimpl
def kwb_register_recipes(registry: Registry) -> None:
    registry.add(
        "residual-regressor",
        "kwb_custom:recipes/residual-regressor.yaml",
        summary="ResidualRegressor on the diabetes data: a registered model class.",
        tags=["regression"],
    )
    registry.add(
        "reconstructing-regressor",
        "kwb_custom:recipes/reconstructing-regressor.yaml",
        summary="ReconstructingRegressor on the diabetes data: an auxiliary loss, shown apart.",
        tags=["regression"],
    )
    registry.add(
        "custom-stack",
        "kwb_custom:recipes/custom-stack.yaml",
        summary="Custom layers in a stack, on the diabetes data.",
        tags=["regression"],
    )
    registry.add(
        "multi-inputs",
        "kwb_custom:recipes/multi-inputs.yaml",
        summary="A graph with two named inputs and a layer of two inputs and three outputs.",
        tags=["regression"],
    )
    registry.add(
        "vae",
        "kwb_custom:recipes/vae.yaml",
        summary="A variational autoencoder of digits: steps and metrics of its own, no target.",
        tags=["generative"],
    )
    registry.add(
        "gan",
        "kwb_custom:recipes/gan.yaml",
        summary="A GAN that draws digits: no call(), two optimizers by `train.compile`.",
        tags=["generative"],
    )

"""What it offers: each entry has one error, named by its summary's first word: the check that must find it."""

from workbench.catalog import hookimpl

KWB_API = 1

_LAYERS = {
    "Forgetful": ("config_keeps_arguments", {"example": {"units": 4}}),
    "Wordless": ("config_keeps_arguments", {}),
    "Lazy": ("weights_in_build", {}),
    "Remaking": ("weights_in_build", {}),
    "Hiding": ("no_hidden_layers", {}),
    "TwoInputs": ("declared_inputs", {}),
    "OneInput": ("declared_inputs", {"inputs": 2}),
    "TwoOutputs": ("declared_outputs", {}),
    "Counting": ("deterministic", {}),
    "WrongWay": ("deterministic", {}),
    "Sampling": ("", {}),
    "RawVariable": ("no_hidden_layers", {}),
    "Rows32": ("batch_sizes", {}),
    "Leaving": ("constructor", {}),
    "Demanding": ("constructor", {}),
    "Endless": ("call", {}),
    "Crashing": ("call", {}),
    "Misspelt": ("call", {}),
    "Refusing": ("call", {"input_shapes": [[8]]}),
    "WrongShape": ("output_shape", {}),
    "FixedBatch": ("batch_sizes", {}),
    "Infinite": ("finite", {}),
    "Cut": ("gradients", {}),
    "TrainingOnly": ("training_mode", {}),
    "VectorLoss": ("added_losses", {}),
    "Unwritable": ("config_serializable", {}),
    "Closed": ("from_config", {}),
    "SinglePrecision": ("mixed_precision", {}),
    "Elsewhere": ("registered_name", {}),
    "Pretending": ("constructor_defaults", {"example": {"units": 4}}),
    "Unmasked": ("masking", {}),
    "EagerOnly": ("graph", {}),
    "AcrossRows": ("independent_rows", {}),
    "Deaf": ("training_argument", {}),
    "Averaging": ("keeps_nothing", {}),
    "Remembering": ("keeps_nothing", {}),
    "Taking": ("inputs_unchanged", {"inputs": None, "input_shapes": [[8], [8]]}),
    "Rebuilding": ("built_once", {}),
    "WrongSpec": ("output_shape", {}),
    "OneDtype": ("output_dtype", {}),
    "DoubleFails": ("output_dtype", {}),
    "MaskSwallowed": ("mask_used", {"input_shapes": [[6, 8]]}),
    "MaskIgnored": ("mask_used", {"input_shapes": [[6, 8]]}),
    "OtherGradient": ("engines", {}),
    "PythonNoise": ("deterministic", {}),
    "PythonNoiseInTraining": ("training_mode", {}),
    "InfiniteInTraining": ("training_mode", {}),
    "Overannounced": ("finite", {"expected_failures": {"finite": "large inputs overflow"}}),
    "Misannounced": ("expected_failures", {"expected_failures": {"finit": "large inputs overflow"}}),
}


@hookimpl
def kwb_register_layers(registry):
    for name, (check, rest) in _LAYERS.items():
        registry.add(name, f"broken_layers.layers:{name}", summary=check, **rest)
    registry.add(
        "Announced",
        "broken_layers.layers:Counting2",
        expected_failures={"deterministic": "it is for Monte Carlo", "graph": "the same"}
        | dict.fromkeys(("functional", "sequential", "subclassed", "xla"), "the same")
        | dict.fromkeys(("keeps_nothing", "training_mode", "independent_rows"), "the same"),
    )
    registry.add("Picky", "broken_layers.layers:Picky")


@hookimpl
def kwb_register_losses(registry):
    registry.add("nowhere", "broken_layers.others:nowhere", summary="loss_value")


@hookimpl
def kwb_register_metrics(registry):
    registry.add("Growing", "broken_layers.others:Growing", summary="metric_value")


@hookimpl
def kwb_register_optimizers(registry):
    registry.add("Still", "broken_layers.others:Still", summary="optimizer_step")


@hookimpl
def kwb_register_schedules(registry):
    registry.add("Falling", "broken_layers.others:Falling", summary="schedule_value")


@hookimpl
def kwb_register_callbacks(registry):
    registry.add("Stumbling", "broken_layers.others:Stumbling", summary="callback_fit")


@hookimpl
def kwb_register_initializers(registry):
    registry.add("Narrow", "broken_layers.others:Narrow", summary="initializer_values")


@hookimpl
def kwb_register_regularizers(registry):
    registry.add("Each", "broken_layers.others:Each", summary="regularizer_value")


@hookimpl
def kwb_register_constraints(registry):
    registry.add("Flattening", "broken_layers.others:Flattening", summary="constraint_weights")


@hookimpl
def kwb_register_datasets(registry):
    registry.add("untargeted", "broken_layers.others:untargeted", summary="dataset_rows")
    registry.add("gone", "broken_layers.others:gone", summary="resolves")


@hookimpl
def kwb_register_recipes(registry):
    registry.add("misnamed", "broken_layers:recipes/misnamed.yaml", summary="recipe_names")
    registry.add("absent", "broken_layers:recipes/absent.yaml", summary="recipe_reads")

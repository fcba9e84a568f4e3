"""Which classes a network's file may name: a list, so that nothing that is not on it can run.

Left out on purpose, though Keras has them: `Lambda` (holds code), `TFSMLayer`,
`TorchModuleWrapper`, `JaxLayer` and `FlaxLayer` (run what lies in another file), `StringLookup`,
`IntegerLookup` and `TextVectorization` (read files), whatever wraps cells or functions, and all
functions and operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# fmt: off
LAYERS = frozenset({
    "Activation", "ActivityRegularization", "Add", "Average", "AveragePooling2D",
    "BatchNormalization", "Concatenate", "Conv2D", "Conv2DTranspose", "Cropping2D", "Dense",
    "DepthwiseConv2D", "Dot", "Dropout", "ELU", "Flatten", "GaussianDropout", "GaussianNoise",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "GroupNormalization", "InputLayer",
    "LayerNormalization", "LeakyReLU", "MaxPooling2D", "Maximum", "Minimum", "MultiHeadAttention",
    "Multiply", "Normalization", "PReLU", "Permute", "ReLU", "RepeatVector", "Rescaling", "Reshape",
    "Resizing", "SeparableConv2D", "Softmax", "SpatialDropout2D", "Subtract",
    "UnitNormalization", "UpSampling2D", "ZeroPadding2D",
})
INITIALIZERS = frozenset({
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform",
    "TruncatedNormal", "VarianceScaling", "Zeros",
})
REGULARIZERS = frozenset({"L1", "L1L2", "L2", "OrthogonalRegularizer"})
CONSTRAINTS = frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"})
UNMASK_LAYERS = frozenset({
    "AreaThumbnail", "AzimuthalSpectrum", "BlockDCT", "ChannelCooccurrences", "ColourPlanes",
    "ConstrainedConvolution", "CropGrid", "FixedFilters", "HalfSize", "Join", "LogDCT",
    "LogSpectrum", "Logit", "MeanAndLargest", "MeanOfCrops", "RegionCooccurrences",
    "ResidualCooccurrences", "SharpnessMap", "Truncation", "UndecimatedDCTHistograms",
})
# fmt: on
BY_MODULE = {
    "keras.layers": LAYERS,
    "keras.initializers": INITIALIZERS,
    "keras.regularizers": REGULARIZERS,
    "keras.constraints": CONSTRAINTS,
    "keras": frozenset({"DTypePolicy", "Sequential"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.src.models.sequential": frozenset({"Sequential"}),
    "keras.src.applications.convnext": frozenset({"LayerScale"}),
}
PLAIN = frozenset({"__keras_tensor__", "__tuple__"})  # no classes, but how Keras writes data


def refused_class(named: Mapping[str, Any]) -> str:
    """Returns why a class that a configuration names is not allowed; "" when it is.

    Keras looks a class up by its registered name first, then by module and class name: all three
    have to say the same.

    Args:
        named: a dictionary of config.json with `class_name`.
    """
    name, module = named.get("class_name"), named.get("module")
    registered = named.get("registered_name")
    if not all(each is None or isinstance(each, str) for each in (name, module, registered)):
        return "a class whose name is no text"
    if name in PLAIN:
        return ""
    if registered in (None, name) and name in BY_MODULE.get(module or "", ()):
        return ""
    if registered == f"unmask>{name}" and name in UNMASK_LAYERS:
        return ""
    shown = f"{module}.{name}" if module else str(name)
    if registered not in (None, name):
        shown += f", registered as {registered}"
    return shown[:200]

"""The networks a recipe may name, and what the ImageNet weights of each expect of its pixels."""

from __future__ import annotations

from typing import Literal

Scaling = Literal["1/255", "caffe", "tf", "torch", "lite", "none"]

# From scratch only, small enough for a few hundred photographs; see `training.networks`.
SMALL_NETWORKS = ("cnn3", "cnn4")
EFFICIENTNET_LITE0 = "efficientnet-lite0"

# By class name in `keras.applications`. `none`: the network scales its pixels itself.
APPLICATIONS: dict[str, Scaling] = {
    **dict.fromkeys(("VGG16", "VGG19", "ResNet50", "ResNet101", "ResNet152"), "caffe"),
    **dict.fromkeys(("ResNet50V2", "ResNet101V2", "ResNet152V2", "InceptionV3", "InceptionResNetV2"), "tf"),
    **dict.fromkeys(("Xception", "MobileNet", "MobileNetV2", "NASNetMobile", "NASNetLarge"), "tf"),
    **dict.fromkeys(("DenseNet121", "DenseNet169", "DenseNet201"), "torch"),
    **dict.fromkeys(("MobileNetV3Small", "MobileNetV3Large"), "none"),
    **dict.fromkeys((f"EfficientNetB{size}" for size in range(8)), "none"),
    **dict.fromkeys((f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")), "none"),
    **dict.fromkeys((f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")), "none"),
}


def expected_scaling(network: str) -> Scaling:
    """What the network's ImageNet weights were trained on; a small network, which has none, takes [0, 1]."""
    if network == EFFICIENTNET_LITE0:
        return "lite"
    return APPLICATIONS.get(network, "1/255")

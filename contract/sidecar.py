"""What a SavedModel made elsewhere does not say of itself: a TOML file beside it.

Such a model takes float32 pixels and carries no manifest. The sidecar pins one version of one model and its
number of classes: it can say nothing of another version, which is why none is served by it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from contract.errors import ManifestError, SidecarError
from contract.fields import Fields
from contract.image_spec import ImageSpec
from contract.manifest import check_model_name
from contract.model_facts import wrong_with
from contract.signatures import SERVING_DEFAULT

Scaling = Literal["1/255", "caffe", "tf", "torch", "none"]
OutputKind = Literal["probabilities", "logits"]


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """An image whose label is known: a golden example of a model that brings none.

    Attributes:
        image_bytes: the encoded image.
        label: what the model must call it.
    """

    image_bytes: bytes
    label: str


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """Everything a server needs to know of a model made elsewhere.

    Attributes:
        model: its name.
        version: the only one this is true of.
        labels: in the order of the network's outputs, C of them, at least 2.
        image: the pixels to make.
        scaling: from uint8 RGB to the float32 that the model takes: `1/255` to [0, 1]; `tf` to [-1, 1];
            `torch` by ImageNet's mean and deviation; `caffe` BGR less ImageNet's mean; `none` 0 to 255.
        signature: the one to call.
        input_name: of its only input, float32 [N, H, W, 3].
        output_name: of the output that is read, float [N, C].
        output_kind: what it holds; logits go through a softmax.
        max_batch_size: a power of two.
        unknown_threshold: a top probability under it gives the label `unknown`; 0 never does.
        golden: what it must get right before it may answer.
    """

    model: str
    version: int
    labels: tuple[str, ...]
    image: ImageSpec
    scaling: Scaling
    signature: str = SERVING_DEFAULT
    input_name: str
    output_name: str
    output_kind: OutputKind = "probabilities"
    max_batch_size: int = 32
    unknown_threshold: float = 0.0
    golden: tuple[LabelledImage, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a sidecar no server could follow.

        Raises:
            ManifestError: the name is not a model's.
            SidecarError: saying which member and why.
        """
        check_model_name(self.model)
        if why := self._wrong():
            raise SidecarError(f"sidecar: {why}")

    def _wrong(self) -> str:
        if self.version < 0:
            return "version must be 0 or more"
        for example in self.golden:
            if example.label not in self.labels:
                return f"golden: {example.label!r} is not one of the labels"
        return wrong_with(self)


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar and the files it names, which are looked for beside it.

    Raises:
        SidecarError: it or one of them cannot be read, a member is missing, wrong or not known.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        fields = Fields(document, document=path.name, error=SidecarError)
        return _sidecar(fields, folder=path.parent)
    except OSError as exc:
        raise SidecarError(f"{exc.filename}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SidecarError(f"{path.name}: not TOML: {exc}") from exc
    # A path with a NUL, a number of 5,000 digits, deep nesting.
    except (ValueError, RecursionError) as exc:
        raise SidecarError(f"{path.name}: cannot be read: {exc}") from exc
    except ManifestError as exc:
        raise SidecarError(f"{path.name}: {exc}") from exc


def _sidecar(fields: Fields, *, folder: Path) -> Sidecar:
    fields.only(
        *("model", "version", "classes", "labels", "labels_file", "image", "input", "output"),
        *("max_batch_size", "unknown_threshold", "golden"),
    )
    taken, given = fields.object("input"), fields.object("output")
    taken.only("signature", "name", "scaling")
    given.only("name", "kind")
    return Sidecar(
        model=fields.string("model"),
        version=fields.integer("version"),
        labels=_labels(fields, folder),
        image=_image(fields.object("image")),
        scaling=taken.one_of("scaling", get_args(Scaling)),
        signature=taken.string("signature") if "signature" in taken else SERVING_DEFAULT,
        input_name=taken.string("name"),
        output_name=given.string("name"),
        output_kind=given.one_of("kind", get_args(OutputKind)),
        max_batch_size=fields.integer("max_batch_size") if "max_batch_size" in fields else 32,
        unknown_threshold=fields.number("unknown_threshold") if "unknown_threshold" in fields else 0.0,
        golden=tuple(_labelled_image(item, folder) for item in fields.objects("golden"))
        if "golden" in fields
        else (),
    )


def _labels(fields: Fields, folder: Path) -> tuple[str, ...]:
    """As a list, or a line each in a file; their number must be the one that is pinned."""
    if ("labels" in fields) == ("labels_file" in fields):
        raise fields.refusal("either labels or labels_file must be given")
    if "labels" in fields:
        labels = fields.strings("labels")
    else:
        labels = tuple((folder / fields.string("labels_file")).read_text("utf-8").splitlines())
    if len(labels) != fields.integer("classes"):
        raise fields.refusal(f"there are {len(labels)} labels for {fields.integer('classes')} classes")
    return labels


def _image(fields: Fields) -> ImageSpec:
    """The size must be said; the rest is as `ImageSpec` has it."""
    fields.only("height", "width", "fit", "fill", "filter")
    plain = ImageSpec()
    red, green, blue = fields.integers("fill", length=3) if "fill" in fields else plain.fill
    return ImageSpec(
        height=fields.integer("height"),
        width=fields.integer("width"),
        fit=fields.one_of("fit", ("stretch", "crop", "pad")) if "fit" in fields else plain.fit,
        fill=(red, green, blue),
        filter=fields.string("filter") if "filter" in fields else plain.filter,  # type: ignore[arg-type]  # ImageSpec checks it
    )


def _labelled_image(fields: Fields, folder: Path) -> LabelledImage:
    fields.only("image", "label")
    return LabelledImage(
        image_bytes=(folder / fields.string("image")).read_bytes(), label=fields.string("label")
    )

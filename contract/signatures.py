"""Names of the four signatures of a model, and of their inputs and outputs.

| signature | inputs | outputs |
|---|---|---|
| `serving_default` | `images` uint8 [N,H,W,3] | `probabilities` float32 [N,C] |
| `explain` | `images`, `class_index` int32 [N] | `heatmaps` float32 [N,H,W] in [0,1], `probabilities` |
| `embed` | `images` | `embeddings` float32 [N,D], L2-normalised |
| `manifest` | `request` int32 [N], any values | `manifest` string [N], the same JSON N times |

Every input and output has the batch dimension N: TensorFlow Serving's batching splits along it.
"""

SERVING_DEFAULT = "serving_default"
EXPLAIN = "explain"
EMBED = "embed"
MANIFEST = "manifest"

IMAGES = "images"
CLASS_INDEX = "class_index"
REQUEST = "request"

PROBABILITIES = "probabilities"
HEATMAPS = "heatmaps"
EMBEDDINGS = "embeddings"

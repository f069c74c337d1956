"""What training promises and serving relies on: the manifest, the image spec, the one decode.

Needs numpy and Pillow only, so every other package may import it.
"""

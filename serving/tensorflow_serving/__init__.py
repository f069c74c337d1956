"""TensorFlow Serving's REST API, for clients that already speak it: same paths, same JSON, same statuses.

Encoded images are taken as `{"b64": "…"}` beside plain pixels, which TensorFlow Serving itself would refuse.
"""

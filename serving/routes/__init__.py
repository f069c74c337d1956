"""The HTTP API, one file a concern. Routes are thin: read, ask the predictor, answer."""

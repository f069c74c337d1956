"""Where photographs are predicted: a gateway, a model server, or a model folder."""

"""What a model server can do, and the settings that follow from it."""

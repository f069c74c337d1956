"""Which recipe suits a folder of photographs."""

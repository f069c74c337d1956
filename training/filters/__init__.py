"""Pictures of what a network has learned: activation maximisation and Deep Dream."""

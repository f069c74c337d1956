"""What a run of scoring leaves on the disk."""

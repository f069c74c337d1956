"""What a run leaves for a person to read: one self-contained HTML file."""

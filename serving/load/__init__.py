"""How much is under way at once: who is let in, who waits, and for how long."""

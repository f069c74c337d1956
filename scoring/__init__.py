"""Scoring photographs without a gateway."""

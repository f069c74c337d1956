"""Who may call: API keys, signed tokens, and how often. HTTP is in middleware.py and permission.py."""

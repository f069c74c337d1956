"""One file a subcommand. What a command runs is imported when it runs."""

"""Where photographs come from: files, folders, globs, lists, buckets and archives."""

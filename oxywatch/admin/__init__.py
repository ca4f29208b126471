"""Commands of an administrator, one module a topic."""

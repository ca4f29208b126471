"""The centre's programs, each wired to the settings file; each loads only what it needs."""

"""The centre's programs, each wired to the settings file; a module loads what its program needs and no more."""

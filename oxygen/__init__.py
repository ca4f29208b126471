"""The shared language of the project, pure: units, readings, wire, physics of a tank, decisions and texts."""

"""When to raise an alarm: limits, conditions and the alarm's state machine. Pure: no clock, no I/O."""

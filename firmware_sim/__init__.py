"""Tanks and instruments that do not exist: plant physics, Modbus servers, scenarios and faults."""

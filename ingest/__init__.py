"""MQTT in: validate, derive, store, acknowledge; keeps every subject's state, status and daily figures."""

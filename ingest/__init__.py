"""MQTT in, then validate, derive, store and acknowledge; the state and daily figures of each subject."""

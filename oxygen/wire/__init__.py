"""What travels over MQTT: topics, payloads, and how they are packed. One version, `oxy/1`."""

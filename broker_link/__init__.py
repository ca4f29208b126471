"""The MQTT connection every program uses: endpoint settings, TLS, a session that reconnects."""

"""What `oxywatch run` adds: hospitals that do not exist, their registry, gateways and history."""

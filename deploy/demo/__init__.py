"""The simulated hospitals of docker-compose.yml's profile `demo`."""

"""The pages and the JSON interface, served by FastAPI."""

"""What dev.py does: environment, gates, servers for tests and the lock. Standard library only."""

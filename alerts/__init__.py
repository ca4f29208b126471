"""Evaluation of alarm rules, escalation, delivery from the outbox, and the independent watcher."""

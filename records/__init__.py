"""The system of record: relational models, services and migrations, one package per subject."""

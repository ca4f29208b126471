"""The security checklist, one file a subject; docs/security.md lists which test holds which item."""

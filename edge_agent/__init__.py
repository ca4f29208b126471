"""The gateway at the hospital: drivers, poll loop, spool, publisher, configuration and local alarm."""

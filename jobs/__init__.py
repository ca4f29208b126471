"""What runs by the clock or from work rows other than alarms: reminders, retention, exports and backups."""

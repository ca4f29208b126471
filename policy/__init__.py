"""The other decisions, pure: report formulas, sufficiency, transitions, triage, routing and planning."""

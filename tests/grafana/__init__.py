"""The dashboards: valid for Grafana, answered by the stores they name, and honest about stale values."""

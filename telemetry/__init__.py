"""The time series: one contract and two stores, InfluxDB and an embedded SQLite file."""

"""Field buses behind `edge_agent.source.BusSource`; nothing outside this package knows their libraries."""

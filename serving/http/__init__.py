"""HTTP's own side of the gateway: what surrounds every route, and the one table of statuses."""

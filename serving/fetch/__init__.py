"""Images that a request names by URL: fetched by the gateway, from hosts that its operator allows."""

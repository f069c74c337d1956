"""Which version of which model on which model server answers a request."""

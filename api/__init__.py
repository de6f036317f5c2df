"""The REST API: one module for each resource, and what they share (base, errors, filters, pagination, schema)."""

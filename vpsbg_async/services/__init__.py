"""The endpoints of the API: one module a group, its models above, its methods below."""

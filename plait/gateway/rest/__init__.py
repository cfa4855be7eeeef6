"""REST by google.api.http: routes, bindings, forms, the handler, and what OpenAPI says of them."""

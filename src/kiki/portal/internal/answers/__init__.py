"""What `/internal/*` answers, by resource: types for the type checker, and the schemas of the OpenAPI document.

Nothing is checked against them when a request is answered; tests hold every real answer to them.
"""

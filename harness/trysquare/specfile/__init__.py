"""How a spec file becomes a spec: YAML, places, limits, schema, sections."""

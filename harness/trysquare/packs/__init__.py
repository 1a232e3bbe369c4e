"""Golden packs: correctly rounded answers as files for any language, and what judges by them."""

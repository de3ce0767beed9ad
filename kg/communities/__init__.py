"""Entities to communities: detection, steadiness, handles, listing."""

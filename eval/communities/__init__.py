"""Quality and steadiness of communities."""

"""Ways from the exact graph to firmware, and what is known of the result: estimates and tools."""

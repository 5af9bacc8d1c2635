"""RTL without a vendor tool: the exact graph, unrolled and pipelined, as plain Verilog."""

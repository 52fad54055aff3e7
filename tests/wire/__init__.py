"""What goes over the wire, judged by the parser that will read it."""

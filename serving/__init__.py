"""Now: scores, reasons and actions."""

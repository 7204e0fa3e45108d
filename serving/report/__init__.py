"""The explanation report: one page that operations read, one card that an engineer reads, one list to work from."""

"""SQL values: comparing, converting, encoding, collecting them."""

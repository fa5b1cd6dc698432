"""Ciphers, hashes, and how keys come from passphrases."""

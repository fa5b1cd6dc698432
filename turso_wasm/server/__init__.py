"""A database over HTTP and WebSockets in the Hrana protocol: for clients of libSQL and Turso (docs/server.md)."""

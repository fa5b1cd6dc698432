"""R*Trees: rows that are boxes, in nodes that are blobs of an ordinary table."""

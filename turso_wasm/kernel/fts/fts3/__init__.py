"""Tables of FTS3 and FTS4: their files, their query language and the functions of their rows."""

"""`.recover`: what can still be read of a damaged file. `pages.py` reads pages, `salvage.py` makes SQL of the rows.

No part of this goes through the engine, which refuses what is damaged; the format is https://sqlite.org/fileformat2.html.
"""

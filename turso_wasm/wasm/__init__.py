"""The machine's toolbox: instruction table, module encoder, typed builder, typed-Python front end, printers."""

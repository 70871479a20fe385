"""The engine of Throughline: everything the pages and the command line do, without a page in it."""

"""One pass round the loop, and what can be asked of it afterwards."""

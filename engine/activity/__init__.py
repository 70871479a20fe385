"""What people did: the inbox, the one intake, events and the timeline."""
